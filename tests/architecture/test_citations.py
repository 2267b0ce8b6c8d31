"""What a docstring of the product cites is there: a module, a class, a function, a file."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.test_layout import PACKAGES, ROOT, modules

DOTTED = re.compile(rf"\b(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")
FILE = re.compile(r"\b(?:\w+/)+\w+\.(?:py|md|cql|json|toml)\b")


def test_every_name_that_a_docstring_cites_is_there() -> None:
    wrong = {
        (module, cited)
        for module, text in docstrings()
        for cited in DOTTED.findall(text)
        if not is_defined(cited.split("."))
    }
    assert not wrong


def test_every_file_that_a_docstring_cites_is_there() -> None:
    wrong = {
        (module, cited)
        for module, text in docstrings()
        for cited in FILE.findall(text)
        if not (ROOT / cited).exists()
    }
    assert not wrong


def docstrings() -> Iterator[tuple[str, str]]:
    for module, file in modules():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield module, ast.get_docstring(node) or ""


def is_defined(names: list[str]) -> bool:
    """Whether the longest part that is a module has what is named after it."""
    for length in range(len(names), 0, -1):
        place = ROOT.joinpath(*names[:length])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.exists():
                return not names[length:] or defines(file, names[length])
    return False


def defines(file: Path, name: str) -> bool:
    text = file.read_text("utf-8")
    return bool(re.search(rf"^(?:class |def |async def )?{name}\b", text, re.MULTILINE)) or (
        file.name == "__init__.py" and f'"{name}"' in text
    )
