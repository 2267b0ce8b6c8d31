"""The commands by which a worker reports how a job ended."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.asset.blob_keys import blob_key
from domain.asset.commands import ConfirmAsset, DelayAsset, PublishAsset, RejectAsset
from domain.asset.jobs import ImageJob
from domain.commands import CommandMetadata
from domain.failures import FailureCode
from domain.identity import delay_command_id, result_command_id
from domain.values import Actor, AssetId, BlobKey, Fetch, Original, Rendition, Sha256
from streams.rendering import PIPELINE_VERSION, Preset, RenderResult

_WORKER = Actor("system:worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why one attempt at a job failed; ``detail`` may be shown to the customer."""

    code: FailureCode
    detail: str
    is_transient: bool
    retry_after_seconds: float | None = None
    duplicate_of: AssetId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobLocations:
    """Where one execution of a run keeps what it makes, and where the original is kept."""

    folder: BlobKey
    original: BlobKey

    def of(self, sha256: Sha256) -> BlobKey:
        """Say where it keeps bytes."""
        return blob_key(self.folder, sha256)


def publish_command(
    job: ImageJob,
    preset: Preset,
    rendered: RenderResult,
    places: BlobLocations,
    fetch: Fetch | None,
    now: datetime,
) -> PublishAsset:
    """Ask to show what was made of a picture; its blobs must be in the store already.

    Raises ValueError when nothing was found out about it.
    """
    if rendered.facts is None:
        raise ValueError(f"preset {preset.name} has no facts to publish")
    measured = rendered.original
    return PublishAsset(
        metadata=_metadata(job, now),
        run=job.run,
        original=Original(
            blob_key=places.original,
            sha256=measured.sha256,
            size_bytes=measured.size_bytes,
            media_type=measured.media_type,
            width=measured.width,
            height=measured.height,
            frames=measured.frames,
        ),
        renditions=tuple(
            Rendition(
                name=made.name,
                blob_key=places.of(made.sha256),
                sha256=made.sha256,
                size_bytes=len(made.data),
                media_type=made.media_type,
                width=made.width,
                height=made.height,
            )
            for made in rendered.renditions
        ),
        facts=rendered.facts,
        pipeline_version=PIPELINE_VERSION,
        watermark=preset.mark,
        fetch=fetch,
    )


def confirm_command(job: ImageJob, fetch: Fetch, now: datetime) -> ConfirmAsset:
    """Ask to leave what is shown: the source has nothing else."""
    return ConfirmAsset(metadata=_metadata(job, now), run=job.run, fetch=fetch)


def reject_command(job: ImageJob, failure: JobFailure, now: datetime) -> RejectAsset:
    """Ask to give a run up, for the reason of its last attempt."""
    return RejectAsset(
        metadata=_metadata(job, now),
        run=job.run,
        code=failure.code,
        detail=failure.detail,
        attempts=len(job.failed_attempts) + 1,
        duplicate_of=failure.duplicate_of,
    )


def delay_command(
    job: ImageJob, failure: JobFailure, retry_at: datetime, now: datetime
) -> DelayAsset:
    """Tell of an attempt after which another follows."""
    attempts = len(job.failed_attempts) + 1
    metadata = replace(_metadata(job, now), command_id=delay_command_id(job.job_id, attempts))
    return DelayAsset(
        metadata=metadata,
        run=job.run,
        code=failure.code,
        detail=failure.detail,
        attempts=attempts,
        retry_at=retry_at,
    )


def _metadata(job: ImageJob, now: datetime) -> CommandMetadata:
    """One id for whatever ends the job, so that of all its results one takes effect."""
    return CommandMetadata.from_system(
        _WORKER,
        result_command_id(job.job_id),
        tenant_id=job.tenant_id,
        entity_id=job.asset_id,
        correlation_id=job.correlation_id,
        now=now,
    )
