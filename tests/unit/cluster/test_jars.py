"""Installing the servers' jars, with a Maven that writes one jar."""

import threading
from pathlib import Path

import pytest

from infra.cluster.errors import InstallFailed, MavenMissing
from infra.cluster.jars import install_jars
from infra.cluster.java import Java

JAVA = Java(binary=Path("/usr/bin/java"), major=17)

_WRITES_ONE_JAR = """\
for argument; do
  case "$argument" in -DoutputDirectory=*) folder="${argument#*=}" ;; esac
done
/bin/mkdir -p "$folder"
: > "$folder/server.jar"
echo called >> "${0%/*}/calls"
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def maven(programs: Path, script: str) -> None:
    (programs / "mvn").write_text(f"#!/bin/sh\n{script}")
    (programs / "mvn").chmod(0o755)


def silent(_: str) -> None:
    """Nobody wants to know."""


def test_the_second_start_downloads_nothing(programs: Path, tmp_path: Path) -> None:
    maven(programs, _WRITES_ONE_JAR)
    first = install_jars("kafka", JAVA, tmp_path / "jars", silent)
    assert (first / "server.jar").exists()
    assert install_jars("kafka", JAVA, tmp_path / "jars", silent) == first
    assert (programs / "calls").read_text() == "called\n"


def test_two_installs_beside_each_other_download_once(programs: Path, tmp_path: Path) -> None:
    maven(programs, _WRITES_ONE_JAR)
    installs = [
        threading.Thread(target=install_jars, args=("kafka", JAVA, tmp_path / "jars", silent))
        for _ in range(4)
    ]
    for install in installs:
        install.start()
    for install in installs:
        install.join()
    assert (programs / "calls").read_text() == "called\n"


def test_a_failed_download_shows_what_maven_said_and_leaves_nothing(
    programs: Path, tmp_path: Path
) -> None:
    maven(programs, "echo 'Unknown host'; exit 1\n")
    with pytest.raises(InstallFailed, match="Unknown host"):
        install_jars("kafka", JAVA, tmp_path / "jars", silent)
    assert [path.name for path in (tmp_path / "jars").iterdir()] == ["kafka.lock"]


def test_without_maven_the_error_says_how_to_install_it(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(MavenMissing, match="apt-get install -y maven"):
        install_jars("cassandra", JAVA, tmp_path / "jars", silent)
