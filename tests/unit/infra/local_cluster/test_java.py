"""Which Java is taken."""

from pathlib import Path

import pytest

from infra.local_cluster.errors import JavaMissing
from infra.local_cluster.java import find_java, installed_javas, major_version


def java(folder: Path, version: str) -> Path:
    """Install a program that says what `java -version` of that version says."""
    binary = folder / "bin" / "java"
    binary.parent.mkdir(parents=True)
    binary.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    binary.chmod(0o755)
    return binary


@pytest.mark.parametrize(
    ("banner", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ('java version "1.8.0_402"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx=y\nopenjdk version "11.0.2" 2019-01-15', 11),
        ("no such thing", None),
    ],
)
def test_the_version_is_read_from_what_java_says(banner: str, major: int | None) -> None:
    assert major_version(banner) == major


def test_a_java_that_is_too_new_is_passed_over(tmp_path: Path) -> None:
    new, fitting = java(tmp_path / "25", "25"), java(tmp_path / "17", "17.0.15")
    assert find_java("Cassandra", (11, 17), [new, fitting]).binary == fitting


def test_without_a_fitting_java_the_error_says_what_was_found_and_what_to_install(
    tmp_path: Path,
) -> None:
    new = java(tmp_path / "25", "25")
    with pytest.raises(JavaMissing) as raised:
        find_java("Cassandra", (11, 17), [new])
    said = str(raised.value)
    assert "Cassandra needs Java 11 or 17" in said
    assert f"{new} (Java 25)" in said
    assert "apt-get install -y openjdk-17-jre-headless" in said


def test_a_java_that_does_not_run_is_no_java(tmp_path: Path) -> None:
    broken = java(tmp_path, "17")
    broken.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(JavaMissing, match="does not run"):
        find_java("Kafka", range(17, 26), [broken])


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    home, on_path = java(tmp_path / "home", "17"), java(tmp_path / "path", "17")
    environment = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert list(installed_javas(environment))[:2] == [home, on_path]
