"""P10: our codec against bare fastavro, on AssetPublished; and how both grow with renditions."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from io import BytesIO
from statistics import median
from timeit import timeit

from fastavro import schemaless_reader, schemaless_writer

from avro_schemas.codec import decode, encode
from avro_schemas.registry import newest
from bench.reporting import report
from domain.asset.events import AssetPublished
from domain.events import EventMetadata
from domain.values import (
    Actor,
    BlobKey,
    CategoryId,
    CommandId,
    CorrelationId,
    EventId,
    Facts,
    Fetch,
    Listing,
    Original,
    Rendition,
    Sha256,
    Status,
    TenantId,
)

ROUNDS, CALLS = 11, 2_000
RENDITIONS = (1, 4, 16, 64)
NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
UUID = "6c1f5f5c-3c52-5c0e-9d0f-0f6d8d1b7a11"
DIGEST = Sha256("5e" * 32)


def published(renditions: int) -> AssetPublished:
    return AssetPublished(
        metadata=EventMetadata(
            event_id=EventId(UUID),
            tenant_id=TenantId("acme"),
            entity_id=UUID,
            entity_version=2,
            happened_at=NOON,
            command_id=CommandId(UUID),
            correlation_id=CorrelationId(UUID),
            actor=Actor("system:image-worker"),
            fingerprint=None,
        ),
        run=1,
        category_ids=(CategoryId(UUID), CategoryId(UUID)),
        created_at=NOON,
        previous_status=Status.SUBMITTED,
        original=Original(
            blob_key=BlobKey(f"originals/{DIGEST}"),
            sha256=DIGEST,
            size_bytes=2_345_678,
            media_type="image/jpeg",
            width=4000,
            height=3000,
            frames=1,
        ),
        renditions=tuple(
            Rendition(
                name=f"w{number}",
                blob_key=BlobKey(f"renditions/{DIGEST}"),
                sha256=DIGEST,
                size_bytes=45_678,
                media_type="image/webp",
                width=800,
                height=600,
            )
            for number in range(renditions)
        ),
        facts=Facts(
            exif={"Make": "Canon", "Model": "EOS R6", "FNumber": "2.8"},
            captured_at=NOON,
            camera="Canon EOS R6",
            dominant_colours=("#aabbcc", "#112233", "#445566"),
            thumbhash="3OcRJYB4d3h/iIeHeEh3eIhw+j3A",
            perceptual_hash="f0e1d2c3b4a59687",
        ),
        pipeline_version=1,
        watermark=None,
        fetch=Fetch(
            final_url="https://example.org/cat.jpg",
            status=200,
            etag='"5e"',
            last_modified=None,
            duration_ms=120,
        ),
        listing=Listing(
            created_at=NOON,
            title="A cat",
            alt_text="A cat on a sofa",
            media_type="image/webp",
            width=4000,
            height=3000,
            thumbhash="3OcRJYB4d3h/iIeHeEh3eIhw+j3A",
            dominant_colour="#aabbcc",
            thumbnail_sha256=DIGEST,
        ),
        shown_since=None,
        previous_sha256=None,
        previous_perceptual_hash=None,
    )


def alternate(ours: Callable[[], object], bare: Callable[[], object]) -> dict[str, float]:
    """Time both in turns; medians in microseconds a call, and how much of bare's speed is left."""
    rounds = [(timeit(ours, number=CALLS), timeit(bare, number=CALLS)) for _ in range(ROUNDS)]
    ours_us, bare_us = (median(side) / CALLS * 1e6 for side in zip(*rounds, strict=True))
    ratio = median(theirs / mine for mine, theirs in rounds)
    return {"ours_us": ours_us, "bare_us": bare_us, "ratio": ratio}


def sides(renditions: int) -> dict[str, dict[str, float]]:
    message = published(renditions)
    framed = encode(message)
    schema = newest("AssetPublished").parsed
    record, body = asdict(message), framed[5:]

    def bare_write() -> bytes:
        buffer = BytesIO()
        schemaless_writer(buffer, schema, record)
        return buffer.getvalue()

    assert decode(framed) == message
    assert bare_write() == body
    return {
        "decode": alternate(
            lambda: decode(framed), lambda: schemaless_reader(BytesIO(body), schema, None)
        ),
        "encode": alternate(lambda: encode(message), bare_write),
    }


def measure(*, quick: bool) -> None:
    for renditions in RENDITIONS[1:2] if quick else RENDITIONS:
        for work, figures in sides(renditions).items():
            report(
                "P10" if (work, renditions) == ("decode", 4) else f"P10-{work}-{renditions}",
                f"{work} an AssetPublished of {renditions} renditions: ours"
                f" {figures['ours_us']:.1f} µs, bare fastavro {figures['bare_us']:.1f} µs",
                ratio=figures["ratio"],
                target=0.5,
                figures=figures,
            )
