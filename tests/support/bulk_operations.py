"""Sample values for bulk operations: short makers of wishes and of what they are about."""

from dataclasses import replace

from domain.bulk_operation.commands import RevertOperation, StartOperation
from domain.bulk_operation.selection import default_statuses
from domain.bulk_operation.values import Filter, Instructions, OperationKind
from domain.commands import CommandMetadata
from domain.values import CategoryRef, CategorySlug, OperationId
from tests.support.samples import metadata

OPERATION = OperationId("0190b6f0-0000-7000-8000-0000000000a1")
REVERT = OperationId("0190b6f0-0000-7000-8000-0000000000a2")
ANY = Filter(
    category=None,
    since=None,
    until=None,
    tags=(),
    statuses=default_statuses("delete"),
    rendered_before=None,
    asset_ids=(),
)


def in_category(slug: str) -> Filter:
    """Take what is in a category."""
    return replace(ANY, category=CategoryRef(slug))


def instructions(
    kind: OperationKind,
    *,
    categories: tuple[str, ...] = (),
    add: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    slug: str | None = None,
) -> Instructions:
    """Say what is to be done."""
    return Instructions(
        kind=kind,
        categories=tuple(map(CategoryRef, categories)),
        add=tuple(map(CategoryRef, add)),
        remove=tuple(map(CategoryRef, remove)),
        tags=tags,
        preset=None,
        slug=None if slug is None else CategorySlug(slug),
        name=slug and slug.capitalize(),
        parent=None,
    )


def start(
    wanted: Instructions,
    which: Filter = ANY,
    *,
    about: CommandMetadata | None = None,
    per_second: int = 200,
) -> StartOperation:
    """Wish for an operation."""
    return StartOperation(
        metadata=about or metadata(OPERATION, fingerprint="f"),
        filter=which,
        instructions=wanted,
        per_second=per_second,
    )


def revert(
    reverts: OperationId = OPERATION, *, about: CommandMetadata | None = None
) -> RevertOperation:
    """Wish an operation taken back."""
    return RevertOperation(
        metadata=about or metadata(REVERT, fingerprint="r"), reverts=reverts, per_second=None
    )
