"""Changes: the fields that each event of an asset touched, before and after."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.asset.description import DESCRIPTION_FIELDS
from domain.asset.events import AssetEvent, AssetPublished
from domain.asset.state import Asset, evolve
from domain.values import FocalPoint

Value = str | int | Sequence[str] | None

_FIELDS = (
    *("status", "categories", *(field.name for field in DESCRIPTION_FIELDS)),
    *("source_url", "source_file_name", "preset", "run"),
    *("pipeline_version", "watermark", "original", "renditions"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field as it was and as it became; ``metadata`` is JSON as text."""

    field: str
    before: Value
    after: Value


def changes(history: Iterable[AssetEvent]) -> list[tuple[Change, ...]]:
    """Fold a whole history, and say of each of its events what it changed; nothing is left out."""
    asset: Asset | None = None
    picture: AssetPublished | None = None
    before = _portrait(None, None)
    changed = []
    for event in history:
        asset = evolve(asset, event)
        picture = event if isinstance(event, AssetPublished) else picture
        after = _portrait(asset, picture)
        changed.append(
            tuple(
                Change(field=field, before=before[field], after=value)
                for field, value in after.items()
                if before[field] != value
            )
        )
        before = after
    return changed


def _spelt(value: Value | FocalPoint) -> Value:
    return str(value) if isinstance(value, FocalPoint) else value


def _portrait(asset: Asset | None, picture: AssetPublished | None) -> dict[str, Value]:
    shown: dict[str, Value] = dict.fromkeys(_FIELDS)
    if asset is not None:
        shown |= {
            "status": asset.status.value,
            "categories": asset.category_ids,
            **{
                field.name: _spelt(getattr(asset.description, field.name))
                for field in DESCRIPTION_FIELDS
            },
            "source_url": asset.source.url,
            "source_file_name": asset.source.file_name,
            "preset": asset.preset,
            "run": asset.run,
        }
    if picture is not None:
        shown |= {
            "pipeline_version": picture.pipeline_version,
            "watermark": picture.watermark,
            "original": picture.original.sha256,
            "renditions": [f"{made.name}: {made.sha256}" for made in picture.renditions],
        }
    return shown
