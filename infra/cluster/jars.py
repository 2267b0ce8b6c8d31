"""Install a server's jars from Maven Central, once per user and version."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra.cluster.errors import InstallFailed, MavenMissing
from infra.cluster.java import Java
from infra.cluster.locking import locked

_POMS = Path(__file__).parent / "poms"
_TIMEOUT_SECONDS = 900


def default_jars_directory() -> Path:
    """Name the user's own cache, so that a fresh checkout need not download again."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "scalehoster" / "jars"


def jars_folder(server: str, directory: Path) -> Path:
    """Name the folder for exactly the versions that the server's pom asks for."""
    digest = hashlib.sha256(_pom(server).read_bytes()).hexdigest()
    return directory / f"{server}-{digest[:12]}"


def find_maven() -> str:
    """Return the path of Maven; raises MavenMissing."""
    maven = shutil.which("mvn")
    if maven is None:
        raise MavenMissing(
            "Maven is not installed, and the servers' jars come through it. "
            "Install it with: apt-get install -y maven"
        )
    return maven


def install_jars(server: str, java: Java, directory: Path, progress: Callable[[str], None]) -> Path:
    """Return the folder that holds the jars of this server; download them if need be.

    The folder appears complete or not at all, and two installs beside each other make
    one. Raises MavenMissing, or InstallFailed with the end of what Maven said.
    """
    installed = jars_folder(server, directory)
    if installed.is_dir():
        return installed
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / f"{server}.lock"):
        if not installed.is_dir():
            progress(f"downloading {server} (once per version)")
            _download(_pom(server), java, installed)
    return installed


def _pom(server: str) -> Path:
    return _POMS / server / "pom.xml"


def _download(pom: Path, java: Java, installed: Path) -> None:
    maven = find_maven()
    with tempfile.TemporaryDirectory(dir=installed.parent, prefix=".installing-") as temporary:
        arriving = Path(temporary) / "jars"
        command = [
            *(maven, "-q", "-B", "-C", "-f", str(pom)),  # -C: a wrong checksum is an error
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
        arriving.rename(installed)
