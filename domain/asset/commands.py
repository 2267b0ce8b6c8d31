"""Every command that an asset takes: frozen, and named in the imperative."""

from dataclasses import dataclass
from datetime import datetime

from domain.commands import Command
from domain.failures import FailureCode
from domain.values import (
    AssetId,
    CategoryRef,
    Description,
    Duplicates,
    Facts,
    Fetch,
    Original,
    Rendition,
    Sha256,
    Source,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitAsset(Command):
    """Take a picture in; ``is_bulk`` lets it wait for those that were handed over one by one.

    ``duplicates`` says what becomes of it when the same bytes are published already.
    """

    source: Source
    categories: tuple[CategoryRef, ...]
    description: Description
    preset: str
    is_bulk: bool
    duplicates: Duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishAsset(Command):
    """Show the result of one pipeline run; sent by the worker.

    ``watermark`` names the picture that lies on its renditions; absent where none does.
    """

    run: int
    original: Original
    renditions: tuple[Rendition, ...]
    facts: Facts
    pipeline_version: int
    watermark: Sha256 | None
    fetch: Fetch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmAsset(Command):
    """End one pipeline run whose source has what is shown already; sent by the worker."""

    run: int
    fetch: Fetch


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectAsset(Command):
    """Give one pipeline run up for good; sent by the worker.

    ``duplicate_of`` is the asset whose bytes these are, if that is the reason.
    """

    run: int
    code: FailureCode
    detail: str
    attempts: int
    duplicate_of: AssetId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayAsset(Command):
    """Tell that an attempt at a pipeline run failed and another follows; sent by the worker."""

    run: int
    code: FailureCode
    detail: str
    attempts: int
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCategories(Command):
    """Put an asset into exactly these categories."""

    categories: tuple[CategoryRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustCategories(Command):
    """Put an asset into some categories and take it out of others; the rest stays.

    With ``if_in`` only an asset of that category is touched.
    """

    add: tuple[CategoryRef, ...]
    remove: tuple[CategoryRef, ...]
    if_in: CategoryRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustTags(Command):
    """Add some tags and take others away; the rest stays."""

    add: tuple[str, ...]
    remove: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAsset(Command):
    """Change the description by a JSON merge patch (RFC 7396), given as text."""

    patch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAsset(Command):
    """Take an asset out of sight; can be undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAsset(Command):
    """Undo a deletion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeAsset(Command):
    """Remove a deleted asset's bytes, and all that is personal about it, for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmErasure(Command):
    """Note that nothing personal is left of a purged asset; sent by the purger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReprocessAsset(Command):
    """Make new renditions from the kept original; no preset means the one it has.

    ``is_bulk`` lets it wait for pictures that were handed over one by one. With ``if_run`` nothing
    happens unless that is still the asset's last run.
    """

    preset: str | None
    is_bulk: bool
    if_run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepublishAsset(Command):
    """Show an earlier result again; a run under way is given up."""

    original: Original
    renditions: tuple[Rendition, ...]
    facts: Facts
    pipeline_version: int
    watermark: Sha256 | None
    fetch: Fetch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceSource(Command):
    """Put a new picture under the same id and URL; ``if_run`` as for reprocessing."""

    source: Source
    if_run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshAsset(Command):
    """Ask the source again, and show what it has now; ``is_bulk`` as for reprocessing."""

    is_bulk: bool


AssetCommand = (
    SubmitAsset
    | PublishAsset
    | ConfirmAsset
    | RejectAsset
    | DelayAsset
    | SetCategories
    | AdjustCategories
    | AdjustTags
    | DescribeAsset
    | DeleteAsset
    | RestoreAsset
    | PurgeAsset
    | ConfirmErasure
    | ReprocessAsset
    | RepublishAsset
    | ReplaceSource
    | RefreshAsset
)
WorkReport = PublishAsset | ConfirmAsset | RejectAsset | DelayAsset | ConfirmErasure
"""What workers report: the asset's own state lets each count once, so none has to be remembered."""
