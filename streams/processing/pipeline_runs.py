"""One run of the pipeline: source in, blobs out, and the command that shows them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from domain.commands import PublishAsset
from domain.jobs import ImageJob
from domain.values import Fetch
from infra.blob_store import BlobStore
from infra.failpoints import pass_by
from streams.fetching import Fetched
from streams.processing.results import original_key, published, rendition_key
from streams.rendering import Preset, Rendered


class Fetching(Protocol):
    """What downloads."""

    async def fetch(self, url: str, *, into: Path) -> Fetched:
        """Download a URL into a file; raises FetchFailed."""


class Rendering(Protocol):
    """What decodes."""

    async def render(self, source: Path, preset: Preset) -> Rendered:
        """Make renditions of a file; raises RenderFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRuns:
    """Runs the pipeline; files under way lie in ``scratch``, one folder for each run."""

    fetcher: Fetching
    sandbox: Rendering
    presets: Mapping[str, Preset]
    blobs: BlobStore
    scratch: Path
    clock: Callable[[], datetime]

    async def run(self, job: ImageJob) -> PublishAsset:
        """Obtain, render and store; the command that comes back may be sent at once.

        Raises FetchFailed, RenderFailed, BlobNotFound when an upload or a kept
        original is gone, StoreUnavailable, KeyError for an unknown preset. All that was stored by
        then may stay: blobs are named by their content, and another run finds them.
        """
        preset = self.presets[job.preset]
        with TemporaryDirectory(dir=self.scratch) as folder:
            source = Path(folder, "source")
            fetch = await self._obtain(job, source)
            pass_by("worker.after_download")
            rendered = await self.sandbox.render(source, preset)
            await self._store(rendered, source)
        pass_by("worker.after_store_before_emit")
        return published(job, rendered, fetch, self.clock())

    async def _obtain(self, job: ImageJob, into: Path) -> Fetch | None:
        kept = job.original.blob_key if job.original else job.source and job.source.upload_key
        if kept:  # a staged upload stays where it is: the job may come again
            await asyncio.to_thread(into.write_bytes, await self.blobs.get(kept))
            return None
        if job.source and job.source.url:
            return await self._download(job.source.url, into)
        raise ValueError(f"job {job.job_id} names nothing to fetch")

    async def _download(self, url: str, into: Path) -> Fetch:
        fetched = await self.fetcher.fetch(url, into=into)
        return Fetch(
            final_url=fetched.final_url,
            status=fetched.status,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            duration_ms=fetched.duration_ms,
        )

    async def _store(self, rendered: Rendered, source: Path) -> None:
        original = rendered.original
        results = await asyncio.gather(
            self.blobs.put_file(original_key(original.sha256), source, original.media_type),
            *(
                self.blobs.put(rendition_key(made.sha256), made.data, made.media_type)
                for made in rendered.renditions
            ),
            return_exceptions=True,  # the source is removed when all are through with it
        )
        for failure in filter(None, results):
            raise failure
