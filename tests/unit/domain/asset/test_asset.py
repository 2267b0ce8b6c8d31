from dataclasses import replace
from datetime import timedelta

import pytest

from avro_schemas.codec import encode
from domain.asset.blob_keys import upload_key
from domain.asset.commands import (
    AssetCommand,
    ConfirmAsset,
    DelayAsset,
    DeleteAsset,
    DescribeAsset,
    PurgeAsset,
    RefreshAsset,
    RejectAsset,
    ReplaceSource,
    ReprocessAsset,
    RepublishAsset,
    RestoreAsset,
)
from domain.asset.events import (
    AssetCategorised,
    AssetConfirmed,
    AssetDelayed,
    AssetDeleted,
    AssetDescribed,
    AssetPublished,
    AssetPurged,
    AssetRefreshRequested,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.errors import (
    AssetAlreadySubmitted,
    AssetHasNoOriginal,
    AssetHasNoUrl,
    AssetIsDeleted,
    AssetIsNotDeleted,
    AssetIsPurged,
    AssetNotFound,
    CategoryIsArchived,
    DescriptionRefused,
    UnknownCategory,
    VersionMismatch,
)
from domain.values import AssetId, BlobKey, Duplicates, Sha256, Source, Status
from tests.support.samples import (
    CAT_PICTURE,
    DOG_PICTURE,
    FETCH,
    LARGE,
    NOON,
    ORIGINAL,
    SHOWN,
    THUMB,
    archive_category,
    category_id,
    create_category,
    metadata,
    publish,
    set_categories,
    submit,
)
from tests.support.spec import given

ASSET = "0190b6f0-0000-7000-8000-000000000001"
CATS = create_category("cats")
PETS = create_category("pets")
SUBMIT = submit(metadata(ASSET), "cats")
PUBLISH = publish(metadata(ASSET))
DELETE = DeleteAsset(metadata=metadata(ASSET))
RESTORE = RestoreAsset(metadata=metadata(ASSET))
PURGE = PurgeAsset(metadata=metadata(ASSET))
REPROCESS = ReprocessAsset(metadata=metadata(ASSET), preset=None, is_bulk=False)
REFRESH = RefreshAsset(metadata=metadata(ASSET), is_bulk=False)
CONFIRM = ConfirmAsset(
    metadata=metadata(ASSET), run=2, fetch=replace(FETCH, status=304, etag='"2"')
)
REPLACE = ReplaceSource(metadata=metadata(ASSET), source=DOG_PICTURE)
REJECT = RejectAsset(
    metadata=metadata(ASSET), run=1, code="http_status", detail="404", attempts=1, duplicate_of=None
)


DELAY = DelayAsset(
    metadata=metadata(ASSET), run=1, code="timeout", detail="slow", attempts=1, retry_at=NOON
)


def describe(patch: str) -> DescribeAsset:
    return DescribeAsset(metadata=metadata(ASSET), patch=patch)


def test_a_submitted_picture_knows_its_categories_by_id() -> None:
    (event,) = given(CATS).when(SUBMIT).then(AssetSubmitted)
    assert isinstance(event, AssetSubmitted)
    assert event.category_ids == (category_id("cats"),)
    assert event.run == 1
    assert event.metadata.entity_version == 1


def test_a_category_may_be_named_by_its_id_and_twice() -> None:
    twice = submit(metadata(ASSET), "cats", category_id("cats"))
    (event,) = given(CATS).when(twice).then(AssetSubmitted)
    assert isinstance(event, AssetSubmitted)
    assert event.category_ids == (category_id("cats"),)


def test_an_unknown_category_is_refused_by_name() -> None:
    wish = submit(metadata(ASSET), "cats", "birds", "fish")
    refusal = given(CATS).when(wish).then_refused(UnknownCategory)
    assert refusal.members == {"categories": "birds,fish"}


def test_an_archived_category_takes_nothing_in() -> None:
    given(CATS, archive_category("cats")).when(SUBMIT).then_refused(CategoryIsArchived)


def test_submitting_the_same_twice_changes_nothing() -> None:
    given(CATS, SUBMIT).when(submit(metadata(ASSET), "cats")).then()


def test_an_asset_id_is_used_once() -> None:
    other = submit(metadata(ASSET), "cats", source=DOG_PICTURE)
    given(CATS, SUBMIT).when(other).then_refused(AssetAlreadySubmitted)


def test_a_published_asset_lists_the_size_of_its_first_rendition_and_its_thumb() -> None:
    tall = replace(LARGE, name="padded", height=2 * LARGE.height)
    tiny = replace(THUMB, name="square-thumb", width=9, height=9, sha256=LARGE.sha256)
    command = replace(PUBLISH, renditions=(LARGE, tall, tiny, THUMB))
    (event,) = given(CATS, SUBMIT).when(command).then(AssetPublished)
    assert isinstance(event, AssetPublished)
    assert (event.listing.width, event.listing.height) == (LARGE.width, LARGE.height)
    assert event.listing.thumbnail_sha256 == THUMB.sha256
    assert event.listing.created_at == NOON
    assert event.category_ids == (category_id("cats"),)


def test_publishing_twice_changes_nothing() -> None:
    given(CATS, SUBMIT, PUBLISH).when(PUBLISH).then()


def test_a_run_ends_once_whichever_way() -> None:
    given(CATS, SUBMIT, REJECT).when(PUBLISH).then()
    given(CATS, SUBMIT, PUBLISH).when(REJECT).then()


def test_a_result_of_an_older_run_is_dropped() -> None:
    given(CATS, SUBMIT, PUBLISH, REPLACE).when(publish(metadata(ASSET), run=1)).then()


def test_a_failed_reprocessing_leaves_the_picture_published() -> None:
    failed = RejectAsset(
        metadata=metadata(ASSET), run=2, code="timeout", detail="", attempts=4, duplicate_of=None
    )
    history = given(CATS, SUBMIT, PUBLISH, REPROCESS)
    (event,) = history.when(failed).then(AssetRejected)
    assert isinstance(event, AssetRejected)
    assert event.keeps_published
    assert history.asset is not None
    assert history.asset.status is Status.PUBLISHED


def test_a_first_failure_rejects_the_asset() -> None:
    history = given(CATS, SUBMIT)
    (event,) = history.when(REJECT).then(AssetRejected)
    assert isinstance(event, AssetRejected)
    assert not event.keeps_published
    assert history.asset is not None
    assert history.asset.status is Status.REJECTED


def test_categories_are_set_as_a_whole() -> None:
    wish = set_categories(metadata(ASSET), "pets")
    (event,) = given(CATS, PETS, SUBMIT, PUBLISH).when(wish).then(AssetCategorised)
    assert isinstance(event, AssetCategorised)
    assert event.category_ids == (category_id("pets"),)
    assert event.previous_category_ids == (category_id("cats"),)
    assert event.listing is not None


def test_an_unpublished_asset_is_categorised_without_being_listed() -> None:
    (event,) = (
        given(CATS, PETS, SUBMIT)
        .when(set_categories(metadata(ASSET), "pets"))
        .then(AssetCategorised)
    )
    assert isinstance(event, AssetCategorised)
    assert event.listing is None


def test_setting_the_same_categories_changes_nothing() -> None:
    given(CATS, SUBMIT).when(set_categories(metadata(ASSET), "cats")).then()


def test_a_description_is_patched_and_the_listing_with_it() -> None:
    (event,) = (
        given(CATS, SUBMIT, PUBLISH)
        .when(describe('{"title": "Tom", "metadata": {"sku": "1", "gone": null}}'))
        .then(AssetDescribed)
    )
    assert isinstance(event, AssetDescribed)
    assert event.description.title == "Tom"
    assert event.description.metadata == '{"sku": "1"}'
    assert event.previous_description.title == "A cat"
    assert event.listing is not None
    assert event.listing.title == "Tom"


def test_a_patch_that_changes_nothing_is_no_event() -> None:
    given(CATS, SUBMIT).when(describe('{"title": "A cat", "tags": null}')).then()


@pytest.mark.parametrize(
    "patch",
    [
        "[]",
        '{"size": 1}',
        '{"title": 1}',
        '{"tags": "cat"}',
        '{"tags": [1]}',
        '{"metadata": 7}',
        f'{{"title": "{"x" * 2001}"}}',
        f'{{"tags": [{",".join(chr(34) + str(n) + chr(34) for n in range(51))}]}}',
        f'{{"tags": ["{"x" * 101}"]}}',
        f'{{"metadata": {{"a": "{"x" * 16_384}"}}}}',
    ],
)
def test_a_patch_that_breaks_a_limit_is_refused(patch: str) -> None:
    given(CATS, SUBMIT).when(describe(patch)).then_refused(DescriptionRefused)


def test_a_deletion_can_be_undone() -> None:
    history = given(CATS, SUBMIT, PUBLISH)
    history.when(DELETE).then(AssetDeleted)
    (event,) = history.when(RESTORE).then(AssetRestored)
    assert isinstance(event, AssetRestored)
    assert event.status is Status.PUBLISHED
    assert event.listing is not None
    assert not event.starts_run


def test_deleting_twice_changes_nothing() -> None:
    given(CATS, SUBMIT, PUBLISH, DELETE).when(DELETE).then()


def test_a_result_for_a_deleted_asset_is_dropped_and_the_restore_starts_a_new_run() -> None:
    history = given(CATS, SUBMIT, DELETE)
    history.when(PUBLISH).then()
    (event,) = history.when(RESTORE).then(AssetRestored)
    assert isinstance(event, AssetRestored)
    assert event.starts_run
    assert event.run == 2
    assert event.status is Status.SUBMITTED
    history.when(publish(metadata(ASSET), run=2)).then(AssetPublished)


def test_only_what_is_deleted_is_restored_or_purged() -> None:
    given(CATS, SUBMIT).when(RESTORE).then_refused(AssetIsNotDeleted)
    given(CATS, SUBMIT).when(PURGE).then_refused(AssetIsNotDeleted)


def test_a_purge_names_what_was_shown_last_and_is_final() -> None:
    another = replace(
        publish(metadata(ASSET), run=2),
        original=replace(ORIGINAL, sha256=LARGE.sha256),
        facts=replace(PUBLISH.facts, perceptual_hash="0123456789abcdef"),
    )
    history = given(CATS, SUBMIT, PUBLISH, REFRESH, another, DELETE)
    (event,) = history.when(PURGE).then(AssetPurged)
    assert isinstance(event, AssetPurged)
    assert (event.sha256, event.perceptual_hash) == (LARGE.sha256, "0123456789abcdef")
    history.when(PURGE).then()
    history.when(RESTORE).then_refused(AssetIsPurged)
    history.when(set_categories(metadata(ASSET), "cats")).then_refused(AssetIsPurged)


def test_what_an_asset_carries_does_not_grow_with_how_often_it_was_published() -> None:
    sizes = set()
    for runs in (2, 5, 20):
        history = given(CATS, SUBMIT, PUBLISH)
        for run in range(2, runs):
            history.happens(REFRESH)
            shown = replace(
                publish(metadata(ASSET), run=run),
                original=replace(ORIGINAL, sha256=Sha256(f"{run:064x}")),
                facts=replace(PUBLISH.facts, perceptual_hash=f"{run:016x}"),
            )
            history.when(shown).then(AssetPublished)
        history.happens(DELETE)
        (event,) = history.when(PURGE).then(AssetPurged)
        assert isinstance(event, AssetPurged)
        sizes.add(len(encode(event)))
    assert len(set(sizes)) == 1


def test_a_submission_said_twice_is_told_by_what_was_uploaded_not_by_where_it_lies() -> None:
    keys = [upload_key(BlobKey("assets/acme/1"), nonce, LARGE.sha256) for nonce in "ab"]
    first, again = (Source(url=None, upload_key=key, file_name="a.jpg") for key in keys)
    history = given(CATS, submit(metadata(ASSET), "cats", source=first))
    history.when(submit(metadata(ASSET), "cats", source=again)).then()
    other = replace(again, upload_key=upload_key(BlobKey("assets/acme/1"), "c", THUMB.sha256))
    history.when(submit(metadata(ASSET), "cats", source=other)).then_refused(AssetAlreadySubmitted)


def test_a_deleted_asset_takes_no_changes() -> None:
    for wish in (
        set_categories(metadata(ASSET), "cats"),
        describe("{}"),
        REPROCESS,
        REPLACE,
        REFRESH,
    ):
        given(CATS, SUBMIT, PUBLISH, DELETE).when(wish).then_refused(AssetIsDeleted)


def test_reprocessing_starts_from_the_kept_original() -> None:
    (event,) = given(CATS, SUBMIT, PUBLISH).when(REPROCESS).then(AssetReprocessingRequested)
    assert isinstance(event, AssetReprocessingRequested)
    assert event.original == ORIGINAL
    assert event.run == 2
    assert event.preset == "default"


def test_what_was_never_published_has_nothing_to_reprocess() -> None:
    given(CATS, SUBMIT).when(REPROCESS).then_refused(AssetHasNoOriginal)


def test_a_rejected_asset_gets_a_new_picture() -> None:
    history = given(CATS, SUBMIT, REJECT)
    (event,) = history.when(REPLACE).then(AssetSourceReplaced)
    assert isinstance(event, AssetSourceReplaced)
    assert event.source == DOG_PICTURE
    history.when(publish(metadata(ASSET), run=2)).then(AssetPublished)


def test_a_refresh_knows_what_is_shown_and_how_it_came_here() -> None:
    history = given(CATS, SUBMIT, PUBLISH)
    (event,) = history.when(REFRESH).then(AssetRefreshRequested)
    assert isinstance(event, AssetRefreshRequested)
    assert (event.source, event.picture) == (CAT_PICTURE, SHOWN)
    assert (event.status, event.run) == (Status.PUBLISHED, 2)


def test_a_refresh_knows_which_mark_lies_on_what_is_shown() -> None:
    mark = Sha256("d" * 64)
    (event,) = (
        given(CATS, SUBMIT, replace(PUBLISH, watermark=mark))
        .when(REFRESH)
        .then(AssetRefreshRequested)
    )
    assert isinstance(event, AssetRefreshRequested)
    assert event.picture == replace(SHOWN, watermark=mark)


def test_an_unchanged_source_leaves_what_is_shown_and_ends_the_run() -> None:
    history = given(CATS, SUBMIT, PUBLISH, REFRESH)
    listing = history.asset and history.asset.listing
    history.when(CONFIRM).then(AssetConfirmed)
    assert history.asset is not None
    assert (history.asset.status, history.asset.listing) == (Status.PUBLISHED, listing)
    assert history.asset.picture == replace(SHOWN, fetch=CONFIRM.fetch)
    history.when(CONFIRM).then()
    history.when(publish(metadata(ASSET), run=2)).then()


def test_what_the_source_has_now_is_published_under_the_same_id() -> None:
    (event,) = (
        given(CATS, SUBMIT, PUBLISH, REFRESH)
        .when(publish(metadata(ASSET), run=2))
        .then(AssetPublished)
    )
    assert event.metadata.entity_id == ASSET


def test_a_failed_refresh_leaves_the_picture_published() -> None:
    history = given(CATS, SUBMIT, PUBLISH, REFRESH)
    (event,) = history.when(replace(REJECT, run=2)).then(AssetRejected)
    assert isinstance(event, AssetRejected)
    assert event.keeps_published


def test_a_rejected_asset_may_be_asked_for_again() -> None:
    history = given(CATS, SUBMIT, REJECT)
    (event,) = history.when(REFRESH).then(AssetRefreshRequested)
    assert isinstance(event, AssetRefreshRequested)
    assert (event.status, event.picture) == (Status.SUBMITTED, None)
    history.when(CONFIRM).then()  # there is nothing to be confirmed
    history.when(publish(metadata(ASSET), run=2)).then(AssetPublished)


def test_an_upload_cannot_be_asked_for_again() -> None:
    upload = Source(url=None, upload_key=BlobKey("uploads/a"), file_name="a.jpg")
    wish = submit(metadata(ASSET), "cats", source=upload)
    given(CATS, wish, PUBLISH).when(REFRESH).then_refused(AssetHasNoUrl)


def test_rendering_anew_keeps_how_the_original_came_here() -> None:
    rendered = replace(publish(metadata(ASSET), run=2), fetch=None)
    history = given(CATS, SUBMIT, PUBLISH, REPROCESS)
    (event,) = history.when(rendered).then(AssetPublished)
    assert isinstance(event, AssetPublished)
    assert event.fetch == FETCH
    other = replace(rendered, original=replace(ORIGINAL, sha256=LARGE.sha256))
    (event,) = given(CATS, SUBMIT, PUBLISH, REPROCESS).when(other).then(AssetPublished)
    assert isinstance(event, AssetPublished)
    assert event.fetch is None


def test_nobody_knows_what_preset_an_earlier_picture_had() -> None:
    shown = RepublishAsset(
        metadata=metadata(ASSET),
        original=ORIGINAL,
        renditions=(LARGE, THUMB),
        facts=PUBLISH.facts,
        pipeline_version=1,
        watermark=None,
        fetch=FETCH,
    )
    history = given(CATS, SUBMIT, PUBLISH, REPROCESS)
    history.when(shown).then(AssetPublished)
    assert history.asset is not None
    assert history.asset.picture == replace(SHOWN, preset=None)


def test_nothing_happens_to_an_asset_that_is_not_there() -> None:
    for wish in (
        PUBLISH,
        REJECT,
        DELETE,
        RESTORE,
        PURGE,
        REPROCESS,
        REPLACE,
        REFRESH,
        describe("{}"),
    ):
        given(CATS).when(wish).then_refused(AssetNotFound)


def test_a_stale_version_is_refused_with_the_present_one() -> None:
    refusal = (
        given(CATS, SUBMIT, PUBLISH)
        .when(describe('{"title": "x"}'))
        .with_expected_version(1)
        .then_refused(VersionMismatch)
    )
    assert refusal.members == {"current_version": "2"}
    given(CATS, SUBMIT, PUBLISH).when(describe('{"title": "x"}')).with_expected_version(2).then(
        AssetDescribed
    )


def test_time_moves_on_for_an_asset_even_when_the_clock_went_back() -> None:
    history = given(CATS, SUBMIT)
    (event,) = history.happens(PUBLISH, NOON - timedelta(hours=1))
    assert event.metadata.happened_at == NOON + timedelta(microseconds=1)


def test_an_attempt_that_failed_leaves_its_run_under_way() -> None:
    (event,) = given(CATS, SUBMIT).when(DELAY).then(AssetDelayed)
    assert isinstance(event, AssetDelayed)
    assert (event.code, event.attempts, event.retry_at) == ("timeout", 1, NOON)
    given(CATS, SUBMIT, DELAY).when(PUBLISH).then(AssetPublished)


@pytest.mark.parametrize("end", [PUBLISH, REJECT, DELETE])
def test_a_delay_that_comes_late_is_dropped(end: AssetCommand) -> None:
    given(CATS, SUBMIT, end).when(DELAY).then()


def test_a_delay_told_twice_happened_once() -> None:
    given(CATS, SUBMIT, DELAY).when(DELAY).then()
    given(CATS, SUBMIT, DELAY).when(replace(DELAY, attempts=2)).then(AssetDelayed)
    given(CATS, SUBMIT, replace(DELAY, attempts=2), REPLACE).when(replace(DELAY, run=2)).then(
        AssetDelayed
    )


def test_a_delay_of_an_older_run_is_dropped() -> None:
    given(CATS, SUBMIT, REPLACE).when(DELAY).then()


@pytest.mark.parametrize(("wish", "leads_there"), [("refuse", False), ("return", True)])
def test_a_duplicate_names_the_other_and_may_lead_there(
    wish: Duplicates, *, leads_there: bool
) -> None:
    twin = replace(REJECT, code="duplicate", duplicate_of=AssetId("the other"))
    submitted = submit(metadata(ASSET), "cats", duplicates=wish)
    (event,) = given(CATS, submitted).when(twin).then(AssetRejected)
    assert isinstance(event, AssetRejected)
    assert (event.duplicate_of, event.leads_there) == ("the other", leads_there)
    (event,) = given(CATS, submitted).when(REJECT).then(AssetRejected)
    assert isinstance(event, AssetRejected)
    assert (event.duplicate_of, event.leads_there) == (None, False)


def test_what_is_wanted_of_duplicates_counts_until_the_asset_is_published() -> None:
    wish = submit(metadata(ASSET), "cats", duplicates="refuse")
    kinds = AssetRefreshRequested | AssetSourceReplaced | AssetRestored
    for before, after in (
        (given(CATS, wish, REJECT), REFRESH),
        (given(CATS, wish), REPLACE),
        (given(CATS, wish, DELETE), RESTORE),
    ):
        (event,) = before.happens(after)
        assert isinstance(event, kinds)
        assert event.duplicates == "refuse"
    (event,) = given(CATS, wish, PUBLISH).happens(REPLACE)
    assert isinstance(event, kinds)
    assert event.duplicates == "keep"
