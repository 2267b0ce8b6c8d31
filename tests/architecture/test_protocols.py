"""A Protocol is there for a second implementation or a fake; else the class itself is the type."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from tests.architecture.test_layout import ROOT, modules

# What a library implements.
IMPLEMENTED_ELSEWHERE = {
    "BuilderProcess": "multiprocessing.Process",
    "DiskUsage": "what shutil.disk_usage returns",
    "StatementFuture": "cassandra.cluster.ResponseFuture",
    "StatementSession": "cassandra.cluster.Session",
}


class Definition(NamedTuple):
    """A class as it is written: who defines it, its own members and its bases."""

    module: str
    members: frozenset[str]
    bases: tuple[str, ...]

    @property
    def is_protocol(self) -> bool:
        return any(base.startswith("Protocol") for base in self.bases)


def definitions() -> Iterator[tuple[str, Definition]]:
    files = [*modules(), *((str(file), file) for file in (ROOT / "tests").rglob("*.py"))]
    for module, file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = tuple(ast.unparse(base) for base in node.bases)
                yield node.name, Definition(module, frozenset(members_of(node)), bases)


def members_of(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield statement.name
                for inner in ast.walk(statement):
                    if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                        yield inner.attr
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name


def test_every_protocol_has_a_second_implementation_or_a_fake() -> None:
    known = defaultdict[str, list[Definition]](list)
    for name, definition in definitions():
        known[name].append(definition)

    def every_member(definition: Definition, above: frozenset[str] = frozenset()) -> set[str]:
        found = set(definition.members)
        for base in definition.bases:
            name = base.partition("[")[0].rpartition(".")[2]
            if name not in above:
                for each in known.get(name, ()):
                    found |= every_member(each, above | {name})
        return found

    classes = [each for found in known.values() for each in found if not each.is_protocol]
    alone = set[str]()
    for name, found in known.items():
        for protocol in found:
            if not protocol.is_protocol or protocol.module.startswith("/"):
                continue
            asked = {each for each in every_member(protocol) if not each.startswith("__")}
            if asked and sum(asked <= every_member(each) for each in classes) < 2:
                alone.add(name)
    assert alone == set(IMPLEMENTED_ELSEWHERE)
