"""The search for a Java that a server runs on."""

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local_cluster.errors import JavaMissing

_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """One Java on this machine."""

    binary: Path
    major: int

    @property
    def home(self) -> Path:
        """The JAVA_HOME it belongs to."""
        return self.binary.resolve().parent.parent


def find_java(
    wanted_by: str, majors: Collection[int], binaries: Iterable[Path] | None = None
) -> Java:
    """Return the first Java of one of these major versions.

    Looks at JAVA_HOME, then at the `java` on PATH, then at what Debian installs.
    Raises JavaMissing with what was found instead.
    """
    seen = []
    for binary in installed_javas(os.environ) if binaries is None else binaries:
        major = _major_version_of(binary)
        if major is not None and major in majors:
            return Java(binary=binary, major=major)
        seen.append(f"{binary} ({'does not run' if major is None else f'Java {major}'})")
    raise JavaMissing(
        f"{wanted_by} needs Java {_spelled(majors)}; found {', '.join(seen) or 'none'}. "
        "Install one with: apt-get install -y openjdk-17-jre-headless "
        "(or a Temurin 17 with JAVA_HOME set to it)"
    )


def installed_javas(environment: Mapping[str, str]) -> Iterator[Path]:
    """Name the Java binaries of this machine, the user's choice first, each once."""
    named = []
    if home := environment.get("JAVA_HOME"):
        named.append(Path(home) / "bin" / "java")
    if on_path := shutil.which("java", path=environment.get("PATH")):
        named.append(Path(on_path))
    named.extend(sorted(Path("/usr/lib/jvm").glob("*/bin/java")))
    known = set()
    for binary in named:
        real = binary.resolve()
        if real.is_file() and real not in known:
            known.add(real)
            yield binary


def major_version(banner: str) -> int | None:
    """Read the major version out of what `java -version` says; None if it is not there."""
    found = _VERSION.search(banner)
    if found is None:
        return None
    first, second = found.groups()
    return int(second) if first == "1" and second else int(first)  # Java 8 says "1.8.0"


def _major_version_of(binary: Path) -> int | None:
    try:
        said = subprocess.run(  # noqa: S603 - a java that the user installed
            [binary, "-version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return major_version(said.stderr + said.stdout)


def _spelled(majors: Collection[int]) -> str:
    lowest, highest = min(majors), max(majors)
    return f"{lowest} or {highest}" if len(majors) == 2 else f"{lowest} to {highest}"  # noqa: PLR2004 - two are named, more are a range
