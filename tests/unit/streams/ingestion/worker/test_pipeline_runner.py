import asyncio
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from domain.asset.blob_keys import asset_folder, folder_of, run_folder
from domain.asset.commands import ConfirmAsset, PublishAsset
from domain.asset.jobs import ImageJob
from domain.identity import result_command_id
from domain.values import (
    NO_SOURCE,
    AssetId,
    BlobKey,
    Duplicates,
    FocalPoint,
    Picture,
    Sha256,
    Source,
)
from infra.errors import BlobNotFound, StoreUnavailable
from streams.ingestion.fetcher import CacheValidators, FetchFailed
from streams.ingestion.worker.duplicate_finder import IsDuplicate
from streams.ingestion.worker.pipeline_runner import PipelineRunner
from streams.rendering import PIPELINE_VERSION, RenderFailed
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.stream_fakes import FakeFetcher, FakeSandbox, FakeTwins
from tests.support.presets import PRESETS
from tests.support.samples import FETCH, NOON, ORIGINAL, SHOWN
from tests.support.stream_samples import FACE, JOB

UPLOAD = BlobKey("uploads/acme/asset/" + "a" * 64)
UPLOADED = replace(JOB, source=Source(url=None, upload_key=UPLOAD, file_name="cat.png"))
DOWNLOADED = replace(ORIGINAL, sha256=Sha256(sha256(b"downloaded").hexdigest()))
CURRENT = replace(SHOWN, original=DOWNLOADED, pipeline_version=PIPELINE_VERSION)
REFRESHING = replace(JOB, picture=CURRENT)
FEET = FocalPoint(x=0.5, y=1)
REPROCESSING = replace(JOB, source=None, original=ORIGINAL)


class Pipeline:
    """A pipeline of fakes, and everything that passes through it."""

    def __init__(self, scratch: Path, blobs: MemoryBlobStore | None = None) -> None:
        self.fetcher = FakeFetcher(b"downloaded")
        self.sandbox = FakeSandbox()
        self.duplicate_finder = FakeTwins()
        self.blobs = blobs or MemoryBlobStore()
        self.scratch = scratch

    def run(self, job: ImageJob) -> PublishAsset:
        ended = self.end(job)
        assert isinstance(ended, PublishAsset)
        return ended

    def end(self, job: ImageJob) -> PublishAsset | ConfirmAsset:
        runs = PipelineRunner(
            fetcher=self.fetcher,
            sandbox=self.sandbox,
            presets=PRESETS,
            duplicate_finder=self.duplicate_finder,
            blobs=self.blobs,
            scratch=self.scratch,
            clock=lambda: NOON,
        )
        return asyncio.run(runs.run(job))


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def test_a_source_is_downloaded_rendered_and_stored(pipeline: Pipeline) -> None:
    command = pipeline.run(JOB)

    assert JOB.source
    assert pipeline.fetcher.urls == [JOB.source.url]
    assert pipeline.fetcher.tenants == [JOB.tenant_id]
    assert pipeline.sandbox.sources == [b"downloaded"]
    assert pipeline.blobs.blobs == {
        command.original.blob_key: b"downloaded",
        command.renditions[0].blob_key: b"large",
        command.renditions[1].blob_key: b"thumb",
    }
    assert command.fetch
    assert command.fetch.status == 200


def test_the_command_says_which_job_it_ends(pipeline: Pipeline) -> None:
    command = pipeline.run(JOB)

    assert command.metadata.command_id == result_command_id(JOB.job_id)
    assert command.metadata.entity_id == JOB.asset_id
    assert command.metadata.tenant_id == JOB.tenant_id
    assert command.run == JOB.run


def test_an_upload_is_kept_where_it_was_and_becomes_an_original(pipeline: Pipeline) -> None:
    pipeline.blobs.blobs[UPLOAD] = b"uploaded"

    command = pipeline.run(UPLOADED)

    assert pipeline.blobs.blobs[UPLOAD] == b"uploaded"
    assert pipeline.blobs.blobs[command.original.blob_key] == b"uploaded"
    assert command.fetch is None
    assert not pipeline.fetcher.urls


def test_reprocessing_renders_the_kept_original_and_downloads_nothing(pipeline: Pipeline) -> None:
    pipeline.blobs.blobs[ORIGINAL.blob_key] = b"kept"

    command = pipeline.run(REPROCESSING)

    assert pipeline.sandbox.sources == [b"kept"]
    assert command.original.blob_key == ORIGINAL.blob_key
    assert not pipeline.fetcher.urls


def test_a_source_that_says_it_is_unchanged_is_left_alone(pipeline: Pipeline) -> None:
    pipeline.blobs.blobs[DOWNLOADED.blob_key] = b"downloaded"
    pipeline.fetcher.etag = FETCH.etag

    ended = pipeline.end(REFRESHING)

    asked_by = CacheValidators(url=FETCH.final_url, etag=FETCH.etag, last_modified=None)
    assert pipeline.fetcher.asked_by == [asked_by]
    assert isinstance(ended, ConfirmAsset)
    assert (ended.run, ended.fetch.status, ended.fetch.etag) == (JOB.run, 304, FETCH.etag)
    assert ended.metadata.command_id == result_command_id(JOB.job_id)
    assert not pipeline.sandbox.sources
    assert len(pipeline.blobs.blobs) == 1


def test_a_source_that_sends_the_same_bytes_again_is_not_rendered(pipeline: Pipeline) -> None:
    pipeline.blobs.blobs[DOWNLOADED.blob_key] = b"downloaded"
    pipeline.fetcher.etag = '"another, for the same"'

    ended = pipeline.end(REFRESHING)

    assert isinstance(ended, ConfirmAsset)
    assert (ended.fetch.status, ended.fetch.etag) == (200, pipeline.fetcher.etag)
    assert not pipeline.sandbox.sources


def test_a_source_with_new_bytes_is_published_anew(pipeline: Pipeline) -> None:
    pipeline.blobs.blobs[DOWNLOADED.blob_key] = b"downloaded"
    pipeline.fetcher.data = b"another picture"

    pipeline.run(REFRESHING)

    assert pipeline.sandbox.sources == [b"another picture"]


@pytest.mark.parametrize("etag", [FETCH.etag, None], ids=["304", "the same bytes"])
@pytest.mark.parametrize(
    "shown",
    [
        replace(CURRENT, pipeline_version=PIPELINE_VERSION - 1),
        replace(CURRENT, preset="portrait"),
        replace(CURRENT, preset=None),
        replace(CURRENT, watermark=Sha256("e" * 64)),
    ],
    ids=["an older pipeline", "another preset", "who knows which preset", "a mark it has no more"],
)
def test_an_unchanged_source_is_rendered_as_it_would_be_now(
    pipeline: Pipeline, shown: Picture, etag: str | None
) -> None:
    pipeline.blobs.blobs[DOWNLOADED.blob_key] = b"downloaded"
    pipeline.fetcher.etag = etag

    command = pipeline.run(replace(JOB, picture=shown))

    assert pipeline.sandbox.sources == [b"downloaded"]
    assert command.fetch
    assert command.fetch.etag == etag


def test_a_changed_watermark_is_another_rendering_and_the_same_one_is_not(
    pipeline: Pipeline,
) -> None:
    pipeline.blobs.blobs[DOWNLOADED.blob_key] = b"downloaded"
    mark = PRESETS["proof"].mark
    proof = replace(CURRENT, preset="proof", watermark=Sha256("e" * 64))

    anew = pipeline.run(replace(JOB, preset="proof", picture=proof))

    assert anew.watermark == mark
    shown = replace(proof, watermark=anew.watermark)
    again = pipeline.end(replace(JOB, preset="proof", picture=shown))
    assert isinstance(again, ConfirmAsset)


def test_what_a_preset_cuts_is_cut_at_the_picture_s_focal_point(pipeline: Pipeline) -> None:
    pipeline.run(replace(JOB, preset="photo", focal_point=FACE))

    (preset,) = pipeline.sandbox.presets
    assert [spec.gravity for spec in preset.renditions if spec.fit == "cover"] == [FACE]


@pytest.mark.parametrize(
    ("preset", "before", "now", "is_new"),
    [
        ("product", FACE, FACE, False),
        ("product", FACE, None, True),
        ("product", None, FACE, True),
        ("product", FACE, FEET, True),
        ("default", None, FACE, False),  # it cuts nothing
        ("default", FACE, FEET, False),
    ],
)
def test_a_changed_focal_point_is_another_rendering_where_something_is_cut(
    pipeline: Pipeline,
    preset: str,
    before: FocalPoint | None,
    now: FocalPoint | None,
    is_new: bool,  # noqa: FBT001 - one of the parameters
) -> None:
    pipeline.blobs.blobs[DOWNLOADED.blob_key] = b"downloaded"
    shown = replace(CURRENT, preset=preset, focal_point=before)

    ended = pipeline.end(replace(JOB, preset=preset, picture=shown, focal_point=now))

    assert isinstance(ended, PublishAsset) == is_new


@pytest.mark.parametrize("shown", [CURRENT, None], ids=["a lost original", "nothing yet"])
def test_what_is_not_kept_is_downloaded_whole_and_stored(
    pipeline: Pipeline, shown: Picture | None
) -> None:
    pipeline.fetcher.etag = FETCH.etag

    command = pipeline.run(replace(JOB, picture=shown))

    assert pipeline.fetcher.asked_by == [None]
    assert pipeline.blobs.blobs[command.original.blob_key] == b"downloaded"


def test_what_was_never_downloaded_is_not_asked_about(pipeline: Pipeline) -> None:
    pipeline.blobs.blobs[DOWNLOADED.blob_key] = b"downloaded"

    ended = pipeline.end(replace(JOB, picture=replace(CURRENT, fetch=None)))

    assert pipeline.fetcher.asked_by == [None]
    assert isinstance(ended, ConfirmAsset)


@pytest.mark.parametrize("wish", ["refuse", "return"])
@pytest.mark.parametrize("job", [JOB, UPLOADED], ids=["by URL", "by upload"])
def test_bytes_that_another_asset_has_are_neither_rendered_nor_stored(
    pipeline: Pipeline, job: ImageJob, wish: Duplicates
) -> None:
    pipeline.blobs.blobs[UPLOAD] = b"downloaded"
    pipeline.duplicate_finder.known[DOWNLOADED.sha256] = AssetId("the other")

    with pytest.raises(IsDuplicate) as refused:
        pipeline.run(replace(job, duplicates=wish))

    assert refused.value.duplicate_of == "the other"
    assert not pipeline.sandbox.sources
    assert list(pipeline.blobs.blobs) == [UPLOAD]


def test_duplicates_that_are_kept_are_not_looked_for(pipeline: Pipeline) -> None:
    pipeline.duplicate_finder.known[DOWNLOADED.sha256] = AssetId("the other")

    assert isinstance(pipeline.end(JOB), PublishAsset)
    assert not pipeline.duplicate_finder.asked


def test_bytes_that_nobody_has_are_published(pipeline: Pipeline) -> None:
    pipeline.run(replace(JOB, duplicates="refuse"))

    assert pipeline.duplicate_finder.asked == [(JOB.asset_id, JOB.tenant_id, DOWNLOADED.sha256)]


def test_each_execution_keeps_all_it_makes_in_a_folder_of_its_own(pipeline: Pipeline) -> None:
    first, second = pipeline.run(JOB), pipeline.run(JOB)

    assert first.metadata.command_id == second.metadata.command_id
    run = run_folder(asset_folder(JOB.tenant_id, JOB.asset_id), JOB.run)
    folders = [{folder_of(key) for key in keys_of(command)} for command in (first, second)]
    assert [len(each) for each in folders] == [1, 1]
    assert folders[0].isdisjoint(folders[1])
    assert {folder_of(folder) for each in folders for folder in each} == {run}
    assert len(pipeline.blobs.blobs) == 6


def keys_of(command: PublishAsset) -> list[BlobKey]:
    return [command.original.blob_key, *(made.blob_key for made in command.renditions)]


def test_an_original_that_is_kept_is_not_stored_again(pipeline: Pipeline) -> None:
    pipeline.blobs.blobs[ORIGINAL.blob_key] = b"kept"

    command = pipeline.run(REPROCESSING)

    assert len(pipeline.blobs.blobs) == 1 + len(command.renditions)


@pytest.mark.parametrize("job", [UPLOADED, REPROCESSING])
def test_a_lost_blob_is_named(pipeline: Pipeline, job: ImageJob) -> None:
    with pytest.raises(BlobNotFound):
        pipeline.run(job)


def test_a_preset_that_is_not_there_is_a_failure_of_that_job(pipeline: Pipeline) -> None:
    with pytest.raises(RenderFailed) as failed:
        pipeline.run(replace(JOB, preset="of another release"))
    assert failed.value.code == "preset_missing"
    assert failed.value.is_transient  # a worker of the next release may know it


def test_a_store_that_takes_nothing_is_named(tmp_path: Path) -> None:
    class FullStore(MemoryBlobStore):
        async def put(self, key: BlobKey, data: bytes, media_type: str) -> None:
            raise StoreUnavailable("full")

    with pytest.raises(StoreUnavailable):
        Pipeline(tmp_path, FullStore()).run(JOB)


@pytest.mark.parametrize("job", [JOB, UPLOADED], ids=["a good run", "a bad run"])
def test_nothing_is_left_under_way(pipeline: Pipeline, job: ImageJob) -> None:
    try:
        pipeline.run(job)
    except BlobNotFound:
        assert job is UPLOADED
    assert list(pipeline.scratch.iterdir()) == []


def test_a_job_whose_source_was_erased_is_no_fault_of_ours(pipeline: Pipeline) -> None:
    with pytest.raises(FetchFailed) as failed:
        pipeline.run(replace(JOB, source=NO_SOURCE))
    assert failed.value.code == "invalid_url"
    assert not failed.value.is_transient
