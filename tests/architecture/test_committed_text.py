"""What no file of this repository may say."""

import re
import subprocess
from functools import cache

import pytest

from tests.architecture.test_layout import ROOT

# Written so that they do not find themselves.
REGISTRY_HOST = re.compile(
    r"pypi\.or[g]|pythonhoste[d]|repo1?\.mave[n]|repo\.mave[n]|registry\.npmj[s]"
    r"|proxy\.golan[g]|(static|index)\.crate[s]|(deb|security)\.debia[n]"
)
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root|tmp/bash_jobs)/", re.MULTILINE)


@cache
def texts() -> dict[str, str]:
    """Every text file that is committed, or is about to be."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"),  # noqa: S607 - git of this machine
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = filter(None, listed.stdout.decode().split("\0"))
    contents = {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}
    return {name: data.decode() for name, data in contents.items() if b"\0" not in data[:8000]}


def test_the_texts_are_found() -> None:
    assert {
        "pyproject.toml",
        "README.md",
        "infra/local_cluster/poms/kafka/pom.xml",
    } <= texts().keys()


@pytest.mark.parametrize(
    ("forbidden", "why"),
    [
        pytest.param(REGISTRY_HOST, "use the package's name", id="a registry's host"),
        pytest.param(MACHINE_PATH, "it exists on one machine only", id="a path of one machine"),
    ],
)
def test_no_file_names(forbidden: re.Pattern[str], why: str) -> None:
    found = {
        f"{name}: {match.group().strip()}"
        for name, text in texts().items()
        if not name.startswith("infra/deploy/") or forbidden is REGISTRY_HOST
        for match in forbidden.finditer(text)
    }
    assert not found, f"{why}: {sorted(found)}"
