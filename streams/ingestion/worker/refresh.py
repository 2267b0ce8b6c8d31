"""Refresh: asks a source whether it still has the picture that is published."""

from dataclasses import replace

from domain.asset.jobs import ImageJob
from domain.values import Picture
from streams.ingestion.fetcher import CacheValidators, FetchedSource
from streams.rendering import PIPELINE_VERSION, Preset


def cache_validators(shown: Picture | None) -> CacheValidators | None:
    """Say what to ask by; without anything the whole source is wanted."""
    fetch = shown.fetch if shown else None
    if fetch is None:
        return None
    return CacheValidators(url=fetch.final_url, etag=fetch.etag, last_modified=fetch.last_modified)


def completed_fetch(fetched: FetchedSource, shown: Picture | None) -> FetchedSource:
    """Add to an answer without a body what it left out: whose bytes these are, and since when."""
    if not (fetched.not_modified and shown and shown.fetch):
        return fetched
    return replace(
        fetched,
        sha256=shown.original.sha256,
        etag=fetched.etag or shown.fetch.etag,
        last_modified=fetched.last_modified or shown.fetch.last_modified,
    )


def is_shown(job: ImageJob, preset: Preset, sha256: str) -> bool:
    """Tell whether these bytes, rendered with the job's preset, are what is shown already."""
    shown = job.picture
    return (
        shown is not None
        and (shown.original.sha256, shown.preset, shown.pipeline_version, shown.watermark)
        == (sha256, job.preset, PIPELINE_VERSION, preset.mark)
        and preset.with_focal_point(shown.focal_point) == preset.with_focal_point(job.focal_point)
    )
