"""The demo's own key stays in its file; the one in the gallery's URL may only read."""

from pathlib import Path

import pytest

from cli.demo_keys import DemoKeys
from infra.http.authentication.api_keys import SCOPES, Scope


class MemoryKeys:
    """Issues keys and knows them at once, until they are forgotten."""

    def __init__(self, directory: Path) -> None:
        self.scopes: dict[str, tuple[Scope, ...]] = {}
        self.demo = DemoKeys(
            directory=directory, issue=self.issue, is_accepted=self.scopes.__contains__
        )

    def issue(self, scopes: tuple[Scope, ...], name: str) -> str:
        key = f"shk_{name}_{len(self.scopes)}"
        self.scopes[key] = scopes
        return key


@pytest.fixture
def keys(tmp_path: Path) -> MemoryKeys:
    return MemoryKeys(tmp_path)


def test_the_key_of_the_gallery_may_only_read(keys: MemoryKeys) -> None:
    assert keys.scopes[keys.demo.of_the_gallery()] == ("assets:read",)
    assert keys.scopes[keys.demo.own()] == SCOPES


def test_each_is_made_once(keys: MemoryKeys) -> None:
    first = keys.demo.own(), keys.demo.of_the_gallery()
    assert (keys.demo.own(), keys.demo.of_the_gallery()) == first
    assert len(keys.scopes) == 2


def test_nobody_else_reads_the_files(keys: MemoryKeys, tmp_path: Path) -> None:
    keys.demo.own()
    keys.demo.of_the_gallery()
    kept = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert kept == {"demo-api-key": 0o600, "demo-gallery-key": 0o600}


def test_a_key_that_is_not_valid_any_more_is_replaced(keys: MemoryKeys) -> None:
    old = keys.demo.own()
    del keys.scopes[old]
    keys.issue(SCOPES, "another")
    assert keys.demo.own() != old
