"""Installation of a server's jars from Maven Central, once per user and version."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.file_lock import locked
from infra.local_cluster.checksums import checksums_of, differences, read_checksums, write_checksums
from infra.local_cluster.errors import InstallFailed, MavenMissing, WrongJars
from infra.local_cluster.java import Java

_POMS = Path(__file__).parent / "poms"  # a folder for each server: pom.xml, jars.sha256
_TIMEOUT_SECONDS = 900


def default_jars_directory() -> Path:
    """Name the user's own cache, so that a fresh checkout need not download again."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "scalehoster" / "jars"


def jars_folder(server: str, directory: Path, poms: Path = _POMS) -> Path:
    """Name the folder for exactly the jars that the server's pom and checksums ask for."""
    digest = hashlib.sha256(_pom(poms, server).read_bytes() + _checksums(poms, server).read_bytes())
    return directory / f"{server}-{digest.hexdigest()[:12]}"


def find_maven() -> str:
    """Return the path of Maven; raises MavenMissing."""
    maven = shutil.which("mvn")
    if maven is None:
        raise MavenMissing(
            "Maven is not installed, and the servers' jars come through it. "
            "Install it with: apt-get install -y maven"
        )
    return maven


def install_jars(
    server: str,
    java: Java,
    directory: Path,
    progress: Callable[[str], None],
    poms: Path = _POMS,
) -> Path:
    """Return the folder that holds the jars of this server; download them if need be.

    The folder appears complete, with the bytes whose checksums are committed, or not at all,
    and two installs beside each other make one. Raises MavenMissing, InstallFailed with the
    end of what Maven said, or WrongJars with the name of each jar that differs.
    """
    installed = jars_folder(server, directory, poms)
    if installed.is_dir():
        return installed
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / "install.lock"):
        if not installed.is_dir():  # one Maven at a time: they share its repository
            progress(f"downloading {server} (once per version)")
            with _downloaded(_pom(poms, server), java, directory) as arriving:
                _check(server, arriving, read_checksums(_checksums(poms, server)))
                arriving.rename(installed)
    return installed


def pin_jars(server: str, java: Java, directory: Path, poms: Path = _POMS) -> None:
    """Commit to what Maven brings now: write the server's checksums anew.

    For whoever changed a pom; what it wrote is to be read before it is committed.
    Raises MavenMissing or InstallFailed, and then wrote nothing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _downloaded(_pom(poms, server), java, directory) as arriving:
        write_checksums(_checksums(poms, server), checksums_of(arriving))


def _pom(poms: Path, server: str) -> Path:
    return poms / server / "pom.xml"


def _checksums(poms: Path, server: str) -> Path:
    return poms / server / "jars.sha256"


def _check(server: str, arriving: Path, committed: Mapping[str, str]) -> None:
    if wrong := list(differences(checksums_of(arriving), committed)):
        raise WrongJars(
            f"Maven brought other jars for {server} than the committed checksums name:\n"
            + "\n".join(wrong)
            + "\nOne that is broken in Maven's local repository has to be removed there. "
            "Whoever changed the pom pins the jars anew with: make lock-jars"
        )


@contextmanager
def _downloaded(pom: Path, java: Java, directory: Path) -> Iterator[Path]:
    """Have Maven put the jars into a folder that is gone afterwards, if it was not renamed."""
    maven = find_maven()
    with tempfile.TemporaryDirectory(dir=directory, prefix=".installing-") as temporary:
        arriving = Path(temporary) / "jars"
        command = [
            # -C: what differs from the checksum beside it in the registry is an error
            *(maven, "-q", "-B", "-C", "-f", str(pom)),
            *("dependency:copy-dependencies", "-DincludeScope=runtime"),
            f"-DoutputDirectory={arriving}",
        ]
        try:
            said = subprocess.run(  # noqa: S603 - Maven with our own pom
                command,
                env={**os.environ, "JAVA_HOME": str(java.home)},
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise InstallFailed(f"Maven took longer than {_TIMEOUT_SECONDS} s") from late
        if said.returncode != 0:
            lines = (said.stdout + said.stderr).strip().splitlines()
            raise InstallFailed(
                "Maven could not fetch the jars (the first start needs the network):\n"
                + "\n".join(lines[-15:])
            )
        yield arriving
