"""Installing the servers' jars, with a Maven that writes what the test says."""

import re
import threading
from pathlib import Path

import pytest

from infra.local_cluster import LocalCluster
from infra.local_cluster.checksums import read_checksums, write_checksums
from infra.local_cluster.errors import InstallFailed, MavenMissing, WrongJars
from infra.local_cluster.jars import install_jars, jars_folder, pin_jars
from infra.local_cluster.java import Java

JAVA = Java(binary=Path("/usr/bin/java"), major=17)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of no bytes
FORGED = "0ab55839dc48167751feca67b9256a6a088bc4d6787e91697c4f6aaae5753d7b"  # of "forged\n"

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


@pytest.fixture
def poms(tmp_path: Path) -> Path:
    """One server, which is made of one empty jar."""
    folder = tmp_path / "poms"
    (folder / "kafka").mkdir(parents=True)
    (folder / "kafka/pom.xml").write_text("<project/>")
    write_checksums(folder / "kafka/jars.sha256", {"server.jar": EMPTY})
    return folder


def maven(programs: Path, script: str) -> None:
    (programs / "mvn").write_text(f"#!/bin/sh\n{script}")
    (programs / "mvn").chmod(0o755)


def silent(_: str) -> None:
    """Nobody wants to know."""


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_second_start_downloads_nothing(programs: Path, poms: Path, tmp_path: Path) -> None:
    maven(programs, _WRITES_ONE_JAR)
    first = install_jars("kafka", JAVA, tmp_path / "jars", silent, poms)
    assert (first / "server.jar").exists()
    assert install_jars("kafka", JAVA, tmp_path / "jars", silent, poms) == first
    assert (programs / "calls").read_text() == "called\n"


def test_two_installs_beside_each_other_download_once(
    programs: Path, poms: Path, tmp_path: Path
) -> None:
    maven(programs, _WRITES_ONE_JAR)
    installs = [
        threading.Thread(target=install_jars, args=("kafka", JAVA, tmp_path / "jars", silent, poms))
        for _ in range(4)
    ]
    for install in installs:
        install.start()
    for install in installs:
        install.join()
    assert (programs / "calls").read_text() == "called\n"


def test_a_failed_download_shows_what_maven_said_and_leaves_nothing(
    programs: Path, poms: Path, tmp_path: Path
) -> None:
    maven(programs, "echo 'Unknown host'; exit 1\n")
    with pytest.raises(InstallFailed, match="Unknown host"):
        install_jars("kafka", JAVA, tmp_path / "jars", silent, poms)
    assert left_in(tmp_path / "jars") == ["install.lock"]


@pytest.mark.parametrize(
    ("happens", "named"),
    [
        pytest.param(
            'echo forged > "$folder/server.jar"',
            f"server.jar has the SHA-256 {FORGED} instead of {EMPTY}",
            id="other bytes",
        ),
        pytest.param(
            'echo forged > "$folder/agent.jar"',
            f"agent.jar is not among the committed ones (SHA-256 {FORGED})",
            id="one too many",
        ),
        pytest.param('/bin/rm "$folder/server.jar"', "server.jar is missing", id="one too few"),
    ],
)
def test_jars_that_differ_from_the_committed_checksums_are_named_and_not_installed(
    happens: str, named: str, programs: Path, poms: Path, tmp_path: Path
) -> None:
    maven(programs, f"{_WRITES_ONE_JAR}{happens}\n")
    with pytest.raises(WrongJars, match=f"\n{re.escape(named)}\nOne that is broken"):
        install_jars("kafka", JAVA, tmp_path / "jars", silent, poms)
    assert left_in(tmp_path / "jars") == ["install.lock"]


def test_other_checksums_are_another_installation(
    programs: Path, poms: Path, tmp_path: Path
) -> None:
    maven(programs, _WRITES_ONE_JAR)
    before = install_jars("kafka", JAVA, tmp_path / "jars", silent, poms)
    write_checksums(poms / "kafka/jars.sha256", {"server.jar": FORGED})
    assert jars_folder("kafka", tmp_path / "jars", poms) != before


def test_pinned_jars_are_those_that_are_installed(
    programs: Path, poms: Path, tmp_path: Path
) -> None:
    maven(programs, f'{_WRITES_ONE_JAR}echo forged > "$folder/agent.jar"\n')
    pin_jars("kafka", JAVA, tmp_path / "jars", poms)
    assert (poms / "kafka/jars.sha256").read_text() == (
        f"{FORGED}  agent.jar\n{EMPTY}  server.jar\n"
    )
    installed = install_jars("kafka", JAVA, tmp_path / "jars", silent, poms)
    assert sorted(left_in(installed)) == ["agent.jar", "server.jar"]


def test_without_maven_the_error_says_how_to_install_it(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(MavenMissing, match="apt-get install -y maven"):
        install_jars("cassandra", JAVA, tmp_path / "jars", silent)


def test_each_server_says_the_version_that_is_installed(tmp_path: Path) -> None:
    jars = {"kafka": "kafka_2.13", "cassandra": "cassandra-all"}
    poms = Path(__file__).parents[4] / "infra/local_cluster/poms"
    for server in LocalCluster(tmp_path).servers:
        name = server.name.lower()
        committed = read_checksums(poms / name / "jars.sha256")
        assert f"{jars[name]}-{server.version}.jar" in committed
