"""Sample values: nouns in capitals, and short makers of commands."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from domain.asset.commands import PublishAsset, SetCategories, SubmitAsset
from domain.category.commands import ArchiveCategory, CreateCategory
from domain.commands import CommandMetadata
from domain.identity import command_id_for
from domain.values import (
    NO_DESCRIPTION,
    Actor,
    BlobKey,
    CategoryId,
    CategoryRef,
    CategorySlug,
    CommandId,
    CorrelationId,
    Description,
    Duplicates,
    Facts,
    Fetch,
    Original,
    Picture,
    Rendition,
    Sha256,
    Source,
    TenantId,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ACME = TenantId("acme")
CAT_PICTURE = Source(url="https://example.com/cat.jpg", upload_key=None, file_name=None)
DOG_PICTURE = Source(url="https://example.com/dog.jpg", upload_key=None, file_name=None)
A_CAT = Description(
    title="A cat", alt_text="A cat on a mat", tags=("cat",), metadata="{}", focal_point=None
)
ORIGINAL = Original(
    blob_key=BlobKey("originals/aa/" + "a" * 64),
    sha256=Sha256("a" * 64),
    size_bytes=50_000,
    media_type="image/jpeg",
    width=1600,
    height=1200,
    frames=1,
)
THUMB = Rendition(
    name="thumb",
    blob_key=BlobKey("renditions/bb/" + "b" * 64),
    sha256=Sha256("b" * 64),
    size_bytes=4_000,
    media_type="image/webp",
    width=256,
    height=192,
)
LARGE = Rendition(
    name="large",
    blob_key=BlobKey("renditions/cc/" + "c" * 64),
    sha256=Sha256("c" * 64),
    size_bytes=90_000,
    media_type="image/webp",
    width=1600,
    height=1200,
)
FACTS = Facts(
    exif={"f_number": "f/2.8"},
    captured_at=NOON,
    camera="Acme One",
    dominant_colours=("#102030", "#405060"),
    thumbhash="3OcRJYB4d3h/iIeHeEh3eIhw+j2w",
    perceptual_hash="f0e1d2c3b4a59687",
)
FETCH = Fetch(
    final_url="https://example.com/cat.jpg",
    status=200,
    etag='"1"',
    last_modified=None,
    duration_ms=12,
)
SHOWN = Picture(
    original=ORIGINAL,
    fetch=FETCH,
    preset="default",
    pipeline_version=1,
    watermark=None,
    focal_point=None,
)


def metadata(
    entity_id: str,
    *,
    tenant_id: TenantId = ACME,
    command_id: CommandId | None = None,
    key: str | None = None,
    fingerprint: str | None = None,
    expected_version: int | None = None,
    reply_partition: int | None = None,
    now: datetime = NOON,
) -> CommandMetadata:
    """Make what every command carries; ``key`` stands for an Idempotency-Key."""
    named = command_id_for(tenant_id, "test", key) if key else CommandId(str(uuid4()))
    return CommandMetadata(
        command_id=command_id or named,
        tenant_id=tenant_id,
        entity_id=entity_id,
        issued_at=now,
        correlation_id=CorrelationId("c-1"),
        actor=Actor("key:k1"),
        expected_version=expected_version,
        fingerprint=fingerprint,
        reply_partition=reply_partition,
    )


def create_category(
    slug: str, *, about: CommandMetadata | None = None, parent: str | None = None
) -> CreateCategory:
    """Wish for a category whose id follows from its slug."""
    return CreateCategory(
        metadata=about or metadata(ACME),
        category_id=category_id(slug),
        slug=CategorySlug(slug),
        name=slug.capitalize(),
        parent=None if parent is None else CategoryRef(parent),
    )


def archive_category(slug: str) -> ArchiveCategory:
    """Wish a category out of the listings."""
    return ArchiveCategory(metadata=metadata(ACME), category=CategoryRef(slug))


def category_id(slug: str) -> CategoryId:
    """Name the category that ``create_category`` makes."""
    return CategoryId(command_id_for(ACME, "category", slug))


def submit(
    about: CommandMetadata,
    *slugs: str,
    source: Source = CAT_PICTURE,
    title: str = "A cat",
    duplicates: Duplicates = "keep",
) -> SubmitAsset:
    """Wish to take a picture in."""
    return SubmitAsset(
        metadata=about,
        source=source,
        categories=tuple(CategoryRef(slug) for slug in slugs),
        description=replace(NO_DESCRIPTION, title=title),
        preset="default",
        is_bulk=False,
        duplicates=duplicates,
    )


def publish(about: CommandMetadata, run: int = 1) -> PublishAsset:
    """Tell the result of a pipeline run."""
    return PublishAsset(
        metadata=about,
        run=run,
        original=ORIGINAL,
        renditions=(THUMB, LARGE),
        facts=FACTS,
        pipeline_version=1,
        watermark=None,
        fetch=FETCH,
    )


def set_categories(about: CommandMetadata, *slugs: str) -> SetCategories:
    """Wish for exactly these categories."""
    return SetCategories(metadata=about, categories=tuple(CategoryRef(slug) for slug in slugs))
