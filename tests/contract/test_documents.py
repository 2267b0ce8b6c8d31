"""What the documents name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")
FILE = re.compile(r"`((?:[a-z_.]+/)*[A-Za-z_]+\.(?:py|cql|md|json|toml|avsc|svg))`")
TEST = re.compile(r"`(test_[a-z0-9_]+)`")
TARGET = re.compile(r"(?:^|`)make ([a-z0-9-]+)", re.MULTILINE)


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """Every file of ours by its path."""
    folders = [
        path
        for path in ROOT.iterdir()
        if path.is_dir() and path.name != "var" and not path.name.startswith(".venv")
    ]
    files = [file for folder in folders for file in folder.rglob("*") if file.suffix == ".py"]
    return {str(file.relative_to(ROOT)): file.read_text("utf-8") for file in files}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(document: Path) -> None:
    targets = LINK.findall(document.read_text("utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_file_is_there(document: Path, sources: dict[str, str]) -> None:
    files = set(FILE.findall(document.read_text("utf-8")))
    assert {file for file in files if not is_there(file, sources)} == set()


def is_there(file: str, sources: dict[str, str]) -> bool:
    """Whether it is a path from the root or, beside others of its folder, only its end."""
    return (ROOT / file).exists() or any(path.endswith(f"/{file}") for path in sources)


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_test_is_there(document: Path, sources: dict[str, str]) -> None:
    tests = set(TEST.findall(document.read_text("utf-8")))
    written = "\n".join(text for path, text in sources.items() if path.startswith("tests/"))
    assert {test for test in tests if f"def {test}(" not in written} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_make_target_is_there(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    made = re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE)
    assert set(TARGET.findall(document.read_text("utf-8"))) <= set(made)


def test_the_index_of_decisions_has_each_once_and_explains_every_hole() -> None:
    folder = ROOT / "docs/adr"
    files = sorted(folder.glob("[0-9]*.md"))
    titles = {file.name: file.read_text("utf-8").partition("\n")[0] for file in files}
    lines = (folder / "README.md").read_text("utf-8").splitlines()
    expected = [
        f"* {number}: [{title}]({name})"
        for name, (number, title) in (
            (name, line.removeprefix("# ").split(". ", 1)) for name, line in titles.items()
        )
    ]
    assert [line for line in lines if line.startswith("* ")] == expected
    used = {int(file.name[:4]) for file in files}
    holes = ", ".join(str(each) for each in range(1, max(used)) if each not in used)
    assert [line.rpartition("Never used: ")[2] for line in lines if "Never used" in line] == [
        f"{holes}."
    ]


def test_the_glossary_has_each_term_once_with_its_module() -> None:
    text = (ROOT / "docs/glossary.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("* ")]
    terms = [line.split("**")[1] for line in lines]
    assert len(terms) > 200
    assert sorted({term for term in terms if terms.count(term) > 1}) == []
    assert [term for term, line in zip(terms, lines, strict=True) if not FILE.search(line)] == []
