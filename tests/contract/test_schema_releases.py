"""What a release has written stays as it is: schemas are never edited, ids only appended."""

import json
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def git(checkout: Path, *words: str) -> str:
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    return subprocess.run(
        ["git", "-C", str(checkout), *who, *words],  # noqa: S607 - whichever git made the checkout
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def newest_release(checkout: Path) -> str | None:
    tags = git(checkout, "tag", "--sort=-creatordate").split()
    return tags[0] if tags else None


def edited_since(release: str, checkout: Path) -> list[str]:
    """Name every schema of the release that reads otherwise today or is gone."""
    schemas = "avro_schemas/*.avsc"
    changed = git(checkout, "diff", "--name-only", "--diff-filter=a", release, "--", schemas)
    return changed.split()


def ids_kept_since(release: str, checkout: Path) -> bool:
    """Tell whether today's ids begin with exactly the release's."""
    released = json.loads(git(checkout, "show", f"{release}:avro_schemas/ids.json"))
    today = json.loads((checkout / "avro_schemas/ids.json").read_text("utf-8"))
    return list(today.items())[: len(released)] == list(released.items())


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Make a checkout with one release of one schema."""
    folder = tmp_path / "avro_schemas"
    folder.mkdir()
    (folder / "Made.v1.avsc").write_text("{}")
    (folder / "ids.json").write_text('{"Made.v1": 1}')
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "One schema")
    git(tmp_path, "tag", "v1.0.0")
    return tmp_path


def test_no_released_schema_was_edited_and_no_released_id_moved() -> None:
    release = newest_release(CHECKOUT) if (CHECKOUT / ".git").exists() else None
    if release is None:
        pytest.skip("nothing is released yet")
    assert edited_since(release, CHECKOUT) == []
    assert ids_kept_since(release, CHECKOUT)


def test_a_new_schema_is_no_edit(released: Path) -> None:
    (released / "avro_schemas/Made.v2.avsc").write_text("{}")
    (released / "avro_schemas/ids.json").write_text('{"Made.v1": 1, "Made.v2": 2}')
    git(released, "add", ".")
    assert edited_since("v1.0.0", released) == []
    assert ids_kept_since("v1.0.0", released)


def test_an_edited_schema_is_named(released: Path) -> None:
    (released / "avro_schemas/Made.v1.avsc").write_text('{"doc": "Said better."}')
    assert edited_since("v1.0.0", released) == ["avro_schemas/Made.v1.avsc"]


def test_an_edited_nested_record_is_named(released: Path) -> None:
    """Every released schema that names it would read otherwise."""
    nested = released / "avro_schemas/nested"
    nested.mkdir()
    (nested / "Part.v1.avsc").write_text("{}")
    git(released, "add", ".")
    git(released, "commit", "--quiet", "--message", "A record that messages share")
    git(released, "tag", "v1.1.0")
    (nested / "Part.v1.avsc").write_text('{"doc": "Said better."}')
    assert edited_since("v1.1.0", released) == ["avro_schemas/nested/Part.v1.avsc"]


def test_a_deleted_schema_is_named(released: Path) -> None:
    (released / "avro_schemas/Made.v1.avsc").unlink()
    assert edited_since("v1.0.0", released) == ["avro_schemas/Made.v1.avsc"]


def test_a_renamed_schema_is_named(released: Path) -> None:
    folder = released / "avro_schemas"
    (folder / "Made.v1.avsc").rename(folder / "Made.v2.avsc")
    git(released, "add", ".")
    assert edited_since("v1.0.0", released) != []


@pytest.mark.parametrize("today", [{}, {"Made.v1": 2}, {"Other.v1": 1, "Made.v1": 2}])
def test_a_moved_id_is_noticed(released: Path, today: dict[str, int]) -> None:
    (released / "avro_schemas/ids.json").write_text(json.dumps(today))
    assert not ids_kept_since("v1.0.0", released)
