"""Every statement over a tenant's rows says whose they are."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from read_models.registry import VIEWS

PACKAGES = (
    "infra",
    "command_api",
    "query_api",
    "streams",
    "projections",
    "read_models",
    "backup",
    "cli",
)
TABLES = {table.name: table for view in VIEWS for table in view.tables}
FOLDER_OF = {
    table.name: f"read_models/{view.schema or view.name}/"
    for view in VIEWS
    for table in view.tables
}
NAMES_A_GENERATION = re.compile(r"\b([a-z_]+)(?:\$suffix|_g(?:\d|…))")
NAMES_A_TABLE = re.compile(r"\b(?:FROM|UPDATE|INTO)\s+([a-z_]+)")
OF_NOBODY = {"public_assets"}  # asked by strangers, who know an asset's id and no tenant
# Here the table is a value, and so is its key: whole tables are read, or rows by their whole key.
BY_TABLE = {"infra/cassandra/table_scan.py", "infra/cassandra/view_store.py"}


def sources() -> Iterator[tuple[Path, str]]:
    for package in PACKAGES:
        for path in sorted(Path(package).rglob("*.py")):
            yield path, path.read_text()


def statements() -> Iterator[tuple[str, str, str]]:
    """Give module, table and text of every statement over a view that a module has as a value."""
    for path, text in sources():
        if "$suffix" not in text:
            continue
        module = import_module(".".join(path.with_suffix("").parts))
        for value in vars(module).values():
            if isinstance(value, str) and "$suffix" in value:
                for name in NAMES_A_TABLE.findall(value):
                    yield str(path), name, value


@pytest.mark.parametrize(("module", "table", "statement"), list(statements()))
def test_a_statement_over_rows_of_tenants_begins_with_whose(
    module: str, table: str, statement: str
) -> None:
    assert table in TABLES, module
    if "tenant_id" in TABLES[table].key:
        assert re.search(r" WHERE tenant_id = \?(?! *OR)", statement), f"{module}: {statement}"
    else:
        assert table in OF_NOBODY


def test_there_are_statements_over_nearly_every_view() -> None:
    assert len({table for _, table, _ in statements()}) > len(TABLES) / 2


def test_every_statement_over_a_view_is_a_value_of_its_module() -> None:
    """Otherwise the test above would not see it."""
    known = {(module, name) for module, name, _ in statements()}
    for path, text in sources():
        hidden = [
            name
            for literal in _literals(ast.parse(text))
            for name in NAMES_A_TABLE.findall(literal)
            if name in TABLES and (str(path), name) not in known
        ]
        assert not hidden, f"{path}: {hidden}"


def test_a_view_is_queried_in_its_own_folder_only() -> None:
    """What writes or compares the rows of any view is given its tables as values."""
    for path, text in sources():
        strangers = {
            name
            for literal in _literals(ast.parse(text))
            for name in (*NAMES_A_TABLE.findall(literal), *NAMES_A_GENERATION.findall(literal))
            if name in TABLES and not str(path).startswith(FOLDER_OF[name])
        }
        assert not strangers, f"{path}: {strangers}"


def test_tables_are_named_by_a_value_in_two_modules_only() -> None:
    found = {
        str(path)
        for path, text in sources()
        if re.search(r"\b(FROM|UPDATE|INTO) ?\{", text) and ".at(generation)" in text
    }
    assert found <= BY_TABLE


def _literals(tree: ast.AST) -> Iterator[str]:
    """Give the text of every string, with a gap where something is put in."""
    inside: set[int] = set()
    for node in ast.walk(tree):  # a whole before its pieces
        if isinstance(node, ast.JoinedStr):
            inside.update(map(id, node.values))
            yield "".join(map(_text, node.values))
        elif id(node) not in inside:
            yield _text(node)


def _text(node: ast.AST) -> str:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value) if isinstance(node, ast.Constant) and is_text else "…"
