"""The blobs that the log names and that the store has, side by side in a file, not in memory."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from domain.asset.blob_keys import ROOT, asset_folder, folder_of
from domain.asset.events import (
    AssetDeleted,
    AssetEvent,
    AssetPublished,
    AssetPurged,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.asset.runs import RunEnded, RunStarted, run_transition
from domain.transformations import ON_DEMAND
from domain.values import AssetId, BlobKey, TenantId
from infra.blobs.store import BlobEntry

BlobKind = Literal["original", "rendition", "upload"]

_TABLES = """
CREATE TABLE assets (
    folder TEXT PRIMARY KEY, tenant_id TEXT, asset_id TEXT,
    run INT, finished_run INT, is_gone INT, is_purged INT
) WITHOUT ROWID;
CREATE TABLE named (
    key TEXT PRIMARY KEY, folder TEXT, what TEXT, is_shown INT
) WITHOUT ROWID;
CREATE INDEX named_of ON named (folder);
CREATE TABLE originals (folder TEXT, sha256 TEXT, PRIMARY KEY (folder, sha256)) WITHOUT ROWID;
CREATE TABLE spared (folder TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE stored (key TEXT PRIMARY KEY, size_bytes INT, modified_at REAL) WITHOUT ROWID;
"""
_PARTS_OF_ASSET = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingBlob:
    """A blob that the log names and the store did not list.

    ``can_be_made`` says that it is shown, and that the original that it was made of is there.
    """

    key: BlobKey
    what: BlobKind
    tenant_id: TenantId
    asset_id: AssetId
    is_shown: bool
    can_be_made: bool


class BlobInventory:
    """A scratch database of both sides; its file is removed on closing. Use it as a context."""

    def __init__(self, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        self._place = place
        self._db = sqlite3.connect(place, isolation_level=None)
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._place.unlink(missing_ok=True)

    def apply_events(self, events: Iterable[AssetEvent]) -> None:
        """Fold events into the side of the log; those of one asset in their order."""
        self._db.execute("BEGIN")
        for event in events:
            self._apply_event(event)
        self._db.execute("COMMIT")

    def list(self, entries: Iterable[BlobEntry]) -> None:
        """Add blobs to the side of the store."""
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR REPLACE INTO stored VALUES (?, ?, ?)",
            ((each.key, each.size_bytes, each.modified_at.timestamp()) for each in entries),
        )
        self._db.execute("COMMIT")

    def protect(self, folder: BlobKey) -> None:
        """Count a folder as known, because a command that names it was not decided yet."""
        self._db.execute("INSERT OR REPLACE INTO spared VALUES (?)", (folder,))

    def unknown(self, before: datetime) -> Iterator[BlobEntry]:
        """Yield blobs stored before a moment that no event names and no open run may publish."""
        rows = self._rows(
            "SELECT stored.* FROM stored LEFT JOIN named USING (key)"
            " WHERE named.key IS NULL AND modified_at < ? ORDER BY key",
            before.timestamp(),
        )
        for key, size_bytes, modified_at in rows:
            if not self._may_stay(BlobKey(key)):
                yield BlobEntry(
                    key=BlobKey(key),
                    size_bytes=size_bytes,
                    modified_at=datetime.fromtimestamp(modified_at, UTC),
                )

    def missing(self) -> Iterator[MissingBlob]:
        """Yield the blobs that events of unpurged assets name and the store did not list."""
        rows = self._rows(
            "SELECT named.key, what, tenant_id, asset_id, is_shown,"
            " is_shown AND what = 'rendition' AND NOT is_gone AND run = finished_run AND EXISTS ("
            "  SELECT 1 FROM named AS original JOIN stored AS there USING (key)"
            "  WHERE original.folder = assets.folder AND original.what = 'original'"
            "  AND original.is_shown)"
            " FROM named JOIN assets USING (folder) LEFT JOIN stored USING (key)"
            " WHERE stored.key IS NULL ORDER BY named.key"
        )
        for key, what, tenant_id, asset_id, is_shown, can_be_made in rows:
            yield MissingBlob(
                key=BlobKey(key),
                what=what,
                tenant_id=TenantId(tenant_id),
                asset_id=AssetId(asset_id),
                is_shown=bool(is_shown),
                can_be_made=bool(can_be_made),
            )

    def counts(self) -> tuple[int, int, int]:
        """Count the blobs that the store has, those that the log names, and the bytes stored."""
        ((stored, size_bytes),) = self._rows("SELECT count(*), sum(size_bytes) FROM stored")
        ((named,),) = self._rows("SELECT count(*) FROM named")
        return stored, named, size_bytes or 0

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with closing(self._db.cursor()) as cursor:
            yield from cursor.execute(query, values)

    def _may_stay(self, key: BlobKey) -> bool:
        """Return True for a blob that no event needs to name: of an open run, or on demand."""
        parts = key.split("/")
        if parts[0] != ROOT or len(parts) <= _PARTS_OF_ASSET:
            return False
        if any(self._rows("SELECT 1 FROM spared WHERE folder = ?", folder_of(key))):
            return True
        folder, below = "/".join(parts[:_PARTS_OF_ASSET]), parts[_PARTS_OF_ASSET:]
        asset = next(
            self._rows(
                "SELECT run FROM assets WHERE folder = ? AND run != finished_run"
                " AND NOT is_gone AND NOT is_purged",
                folder,
            ),
            None,
        )
        if asset is not None and below[0] == f"run-{asset[0]}":
            return True
        return below[0] == ON_DEMAND and any(
            self._rows("SELECT 1 FROM originals WHERE folder = ? AND sha256 = ?", folder, below[1])
        )

    def _apply_event(self, event: AssetEvent) -> None:
        folder = asset_folder(event.metadata.tenant_id, event.asset_id)
        match event:
            case AssetSubmitted():
                self._db.execute(
                    "INSERT OR REPLACE INTO assets VALUES (?, ?, ?, 0, 0, 0, 0)",
                    (folder, event.metadata.tenant_id, event.asset_id),
                )
                self._name(folder, event.source.upload_key, "upload")
            case AssetSourceReplaced():
                self._name(folder, event.source.upload_key, "upload")
            case AssetPublished():
                self._db.execute("UPDATE named SET is_shown = 0 WHERE folder = ?", (folder,))
                self._name(folder, event.original.blob_key, "original", is_shown=True)
                for made in event.renditions:
                    self._name(folder, made.blob_key, "rendition", is_shown=True)
                self._db.execute(
                    "INSERT OR REPLACE INTO originals VALUES (?, ?)",
                    (folder, event.original.sha256),
                )
            case AssetRestored():
                self._set(folder, is_gone=0)
            case AssetDeleted():
                self._set(folder, is_gone=1)
            case AssetPurged():
                self._set(folder, is_gone=1, is_purged=1)
                self._db.execute("DELETE FROM named WHERE folder = ?", (folder,))
                self._db.execute("DELETE FROM originals WHERE folder = ?", (folder,))
        match run_transition(event):
            case RunStarted(run=run):
                self._set(folder, run=run)
            case RunEnded(run=run):
                self._set(folder, run=run, finished_run=run)

    def _set(self, folder: BlobKey, **values: int) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._db.execute(f"UPDATE assets SET {names} WHERE folder = ?", (*values.values(), folder))  # noqa: S608 - names of ours

    def _name(
        self, folder: BlobKey, key: BlobKey | None, what: BlobKind, *, is_shown: bool = False
    ) -> None:
        if key is not None:
            self._db.execute(
                "INSERT OR REPLACE INTO named VALUES (?, ?, ?, ?)", (key, folder, what, is_shown)
            )
