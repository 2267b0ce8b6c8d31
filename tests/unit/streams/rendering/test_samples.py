"""The photographs of the demo are what their list says."""

import csv
from pathlib import Path

from tests.support.pictures import facts, rendered

SAMPLES = Path(__file__).parents[4] / "samples"


def _rows() -> list[dict[str, str]]:
    with (SAMPLES / "samples.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_list_names_every_picture_once() -> None:
    listed = [row["file"] for row in _rows()]
    kept = {path.name for path in SAMPLES.iterdir()} - {"samples.csv", "SOURCES.md"}
    assert sorted(listed) == sorted(kept)


def test_every_picture_has_a_source_and_a_licence() -> None:
    sources = (SAMPLES / "SOURCES.md").read_text()
    for row in _rows():
        assert f"| {row['file']} |" in sources


def test_every_row_is_complete() -> None:
    for row in _rows():
        assert list(row) == ["file", "category", "title", "alt_text"]
        assert all(row.values())


def test_every_picture_can_be_rendered() -> None:
    for row in _rows():
        result = rendered((SAMPLES / row["file"]).read_bytes())
        assert len(facts(result).dominant_colours) >= 3
