"""What others wrote is named with its licence in THIRD_PARTY.md."""

import re
import subprocess
from importlib.metadata import PackageNotFoundError, PackagePath, files, metadata

import pytest

from tests.contract.test_dependencies import ROOT, locked

DOCUMENT = (ROOT / "THIRD_PARTY.md").read_text("utf-8")
_LICENCE = re.compile(r"^\| ([a-z0-9-]+) \| ([^|]+) \|$", re.MULTILINE)
_BROUGHT = re.compile(r"^\| ([a-z0-9-]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
# BSD licences name the GPL as well, to say that they are compatible with it.
_GPL = re.compile(r"\b[AL]?GPL-?v?[23]|General Public License v")
_OF_OTHERS = (".js", ".css", ".woff", ".woff2", ".ttf", ".otf", ".map")

RUNNING = locked("requirements.lock").keys()
WITH_EXTRAS = RUNNING | locked("requirements-heic.lock").keys()


def test_every_package_that_runs_has_its_licence_and_no_other_is_named() -> None:
    named = {package for package, _ in _LICENCE.findall(DOCUMENT)} - {"package"}
    assert named == WITH_EXTRAS


def test_every_library_that_a_package_brings_is_named() -> None:
    brought: dict[str, set[str]] = {}
    for package, libraries, _ in _BROUGHT.findall(DOCUMENT):
        brought.setdefault(package, set()).update(libraries.split(", "))
    bundled = {name: libraries for name in WITH_EXTRAS if (libraries := _bundled(name))}
    assert {name: libraries - brought.get(name, set()) for name, libraries in bundled.items()} == {
        name: set() for name in bundled
    }


def _bundled(package: str) -> set[str]:
    """List the shared libraries of others that the installed package has in its wheel."""
    try:
        installed: list[PackagePath] = files(package) or []
    except PackageNotFoundError:  # locked for another system or Python
        return set()
    libraries = (path.name for path in installed if path.parts[0].endswith(".libs"))
    return {re.split(r"[-.]", name)[0] for name in libraries if ".so" in name}


@pytest.mark.parametrize("package", sorted(RUNNING))
def test_no_package_that_runs_is_under_the_gpl(package: str) -> None:
    try:
        told = metadata(package)
    except PackageNotFoundError:
        pytest.skip("locked for another system or Python")
    fields = ("License-Expression", "License", "Classifier")
    said = [value for field in fields for value in told.get_all(field) or []]
    said.extend(
        path.read_text()
        for path in files(package) or []
        if re.fullmatch(r"LICENSES?_bundled.*", path.name)
    )
    assert [text for text in said if _GPL.search(text)] == []


def test_every_vendored_file_is_named() -> None:
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"),  # noqa: S607 - git of this machine
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = filter(None, listed.stdout.decode().split("\0"))
    vendored = [
        name
        for name in names
        if name.endswith(_OF_OTHERS) and not name.startswith("query_api/gallery/")
    ]
    assert [
        name
        for name in vendored
        if f"`{name}`" not in DOCUMENT and f"`{name.rpartition('/')[0]}/`" not in DOCUMENT
    ] == []
