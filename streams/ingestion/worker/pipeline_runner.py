"""The pipeline runner: source in, blobs out, and the command that ends the run."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from uuid import uuid4

from domain.asset.blob_keys import asset_folder, attempt_folder, blob_key, folder_of
from domain.asset.commands import ConfirmAsset, PublishAsset
from domain.asset.jobs import ImageJob
from domain.values import BlobKey, Fetch, Sha256, TenantId
from infra.blobs.store import BlobStore
from infra.errors import BlobNotFound
from infra.failpoints import pass_by
from streams.ingestion.fetcher import CacheValidators, FetchedSource, FetchFailed
from streams.ingestion.worker.duplicate_finder import DuplicateFinder, IsDuplicate
from streams.ingestion.worker.refresh import cache_validators, completed_fetch, is_shown
from streams.ingestion.worker.result_commands import BlobLocations, confirm_command, publish_command
from streams.rendering import Preset, RenderFailed, RenderResult


class SourceFetcher(Protocol):
    """What downloads."""

    async def fetch(
        self,
        url: str,
        *,
        tenant_id: TenantId,
        into: Path,
        conditional: CacheValidators | None = None,
    ) -> FetchedSource:
        """Download a URL into a file, unless it is unchanged; raises FetchFailed."""


class SourceRenderer(Protocol):
    """What decodes."""

    async def render(self, source: Path, preset: Preset) -> RenderResult:
        """Make renditions of a file; raises RenderFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRunner:
    """Runs the pipeline; files under way lie in ``scratch``, one folder for each run.

    ``new_attempt`` names one execution of a run. Each keeps what it makes below a folder of its
    own, so that nothing is shared by one that counts and one that does not.
    """

    fetcher: SourceFetcher
    sandbox: SourceRenderer
    duplicate_finder: DuplicateFinder
    presets: Mapping[str, Preset]
    blobs: BlobStore
    scratch: Path
    clock: Callable[[], datetime]
    new_attempt: Callable[[], str] = lambda: uuid4().hex

    async def run(self, job: ImageJob) -> PublishAsset | ConfirmAsset:
        """Obtain, render and store; the command that comes back may be sent at once.

        A source that still has what is shown is neither rendered nor stored. Raises FetchFailed,
        RenderFailed, IsDuplicate, BlobNotFound when an upload or a kept original is gone,
        StoreUnavailable, ViewNotBuilt, ViewsMissing. What was stored by then counts for nothing,
        and is removed some time after the run has ended.
        """
        preset = self.presets.get(job.preset)
        if preset is None:
            raise RenderFailed("preset_missing", f"there is no preset named {job.preset}")
        with TemporaryDirectory(dir=self.scratch) as folder:
            source = Path(folder, "source")
            job = await self._with_kept_picture(job)
            fetched = await self._obtain(job, source)
            pass_by("worker.after_download")
            if fetched and is_shown(job, preset, fetched.sha256):
                return confirm_command(job, _fetch(fetched), self.clock())
            if fetched and fetched.not_modified and job.picture:
                await self._load(job.picture.original.blob_key, source)
            if job.duplicates != "keep":
                await self._refuse_duplicate(job, source)
            rendered = await self.sandbox.render(source, preset.with_focal_point(job.focal_point))
            places = self._places(job, rendered)
            await self._store(rendered, source, places)
        pass_by("worker.after_store_before_emit")
        fetch = _fetch(fetched) if fetched else None
        return publish_command(job, preset, rendered, places, fetch, self.clock())

    def _places(self, job: ImageJob, rendered: RenderResult) -> BlobLocations:
        asset = asset_folder(job.tenant_id, job.asset_id)
        folder = attempt_folder(asset, job.run, self.new_attempt())
        digest = rendered.original.sha256
        kept = job.original or (job.picture and job.picture.original)
        if kept and kept.sha256 == digest:
            return BlobLocations(folder=folder, original=kept.blob_key)
        return BlobLocations(folder=folder, original=blob_key(folder, digest))

    async def _with_kept_picture(self, job: ImageJob) -> ImageJob:
        """Compare with nothing whose original is lost: its bytes are wanted again."""
        if job.picture:
            try:
                await self.blobs.head(job.picture.original.blob_key)
            except BlobNotFound:
                return replace(job, picture=None)
        return job

    async def _refuse_duplicate(self, job: ImageJob, source: Path) -> None:
        sha256 = Sha256(await asyncio.to_thread(_sha256, source))
        other = await self.duplicate_finder.of(job.asset_id, job.tenant_id, sha256)
        if other:
            raise IsDuplicate(other)

    async def _obtain(self, job: ImageJob, into: Path) -> FetchedSource | None:
        kept = job.original.blob_key if job.original else job.source and job.source.upload_key
        if kept:  # a staged upload stays where it is: the job may come again
            await self._load(kept, into)
            return None
        if job.source and job.source.url:
            asked_by = cache_validators(job.picture)
            fetched = await self.fetcher.fetch(
                job.source.url, tenant_id=job.tenant_id, into=into, conditional=asked_by
            )
            return completed_fetch(fetched, job.picture)
        # No fault of ours, which would rest everybody's work: a tenant's erasure takes many jobs.
        raise FetchFailed("invalid_url", "where it was is not known any more: it was erased")

    async def _load(self, key: BlobKey, into: Path) -> None:
        await asyncio.to_thread(into.write_bytes, await self.blobs.get(key))

    async def _store(self, rendered: RenderResult, source: Path, places: BlobLocations) -> None:
        """Keep what was made, and the original unless an earlier run keeps it already."""
        media_type = rendered.original.media_type
        is_new = folder_of(places.original) == places.folder
        results = await asyncio.gather(
            *([self.blobs.put_file(places.original, source, media_type)] if is_new else []),
            *(
                self.blobs.put(places.of(made.sha256), made.data, made.media_type)
                for made in rendered.renditions
            ),
            return_exceptions=True,  # the source is removed when all are through with it
        )
        for failure in filter(None, results):
            raise failure


def _fetch(fetched: FetchedSource) -> Fetch:
    return Fetch(
        final_url=fetched.final_url,
        status=fetched.status,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        duration_ms=fetched.duration_ms,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
