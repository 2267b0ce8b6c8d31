"""The codec at its edges: other versions, other frames, values that cannot be written."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastavro import schemaless_writer

from avro_schemas import codec, registry, upcasting
from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable, UnknownSchema
from domain.category.events import CategoryArchived
from domain.dead_letter import DeadLetter
from domain.events import EventMetadata
from domain.outcomes import AssetSnapshot, CommandAccepted
from domain.values import (
    NO_DESCRIPTION,
    Actor,
    AssetId,
    CategoryId,
    CommandId,
    CorrelationId,
    EventId,
    Source,
    Status,
    TenantId,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ARCHIVED = CategoryArchived(
    metadata=EventMetadata(
        event_id=EventId("e"),
        tenant_id=TenantId("acme"),
        entity_id="acme",
        entity_version=1,
        happened_at=NOON,
        command_id=CommandId("c"),
        correlation_id=CorrelationId("r"),
        actor=Actor("key:k"),
        fingerprint=None,
    ),
    category_id=CategoryId("cats"),
)
PARKED = DeadLetter(
    topic="image-jobs",
    partition=0,
    offset=7,
    key=b"",
    value=b"\xff",
    code="undecodable",
    detail="",
    parked_at=NOON,
)
ACCEPTED = CommandAccepted(
    command_id=CommandId("c"),
    tenant_id=TenantId("acme"),
    entity_id="a",
    decided_at=NOON,
    position=None,
    events=(),
    asset=AssetSnapshot(
        asset_id=AssetId("a"),
        version=1,
        status=Status.DELETED,
        created_at=NOON,
        source=Source(url=None, upload_key=None, file_name=None),
        category_ids=(),
        description=NO_DESCRIPTION,
        preset="web",
        run=1,
    ),
    category=None,
)


def forget() -> None:
    """Make registry and codec read the folder anew."""
    for remembered in (registry.schemas, registry._by_subject, codec._writer, codec._reader):  # noqa: SLF001 - only a test ever changes the folder
        remembered.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put a copy of our schemas, free to change, in the place of the real ones."""
    copy = tmp_path / "avro_schemas"
    shutil.copytree(Path(registry.__file__).parent, copy)
    monkeypatch.setattr(registry, "files", lambda package: tmp_path / package)
    forget()
    yield copy
    forget()


def without(text: str, name: str) -> dict[str, object]:
    """Take one field of the metadata out of a schema."""
    schema: dict[str, object] = json.loads(text)
    metadata = schema["fields"][0]["type"]  # type: ignore[index]  # JSON is anything
    metadata["fields"] = [field for field in metadata["fields"] if field["name"] != name]
    return schema


def test_a_message_written_before_a_field_existed_gets_the_fields_default(folder: Path) -> None:
    ids = json.loads((folder / "ids.json").read_text("utf-8"))
    today = registry.newest("CategoryArchived").text
    forget()
    earlier = without(today, "fingerprint")
    (folder / "CategoryArchived.v1.avsc").write_text(json.dumps(earlier), "utf-8")
    (folder / "CategoryArchived.v2.avsc").write_text(today, "utf-8")
    (folder / "ids.json").write_text(json.dumps(ids | {"CategoryArchived.v2": 1000}), "utf-8")
    body = BytesIO()
    metadata = {name: getattr(ARCHIVED.metadata, name) for name in EventMetadata.__slots__}
    schemaless_writer(body, earlier, {"metadata": metadata, "category_id": "cats"})

    framed = b"\0" + ids["CategoryArchived.v1"].to_bytes(4, "big") + body.getvalue()

    assert decode(framed) == ARCHIVED
    assert encode(ARCHIVED)[:5] == b"\0" + (1000).to_bytes(4, "big")


def test_an_upcaster_leads_over_what_avro_cannot_and_avro_goes_on_from_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 1 had the id as a list of letters, 2 as a text of another name, 3 is today's."""
    ids = json.loads((folder / "ids.json").read_text("utf-8"))
    today = json.loads(registry.newest("CategoryArchived").text)
    forget()
    about, (now,) = today["fields"][0], today["fields"][1:]
    letters = {"name": "letters", "type": {"type": "array", "items": "string"}}
    texts = {
        "CategoryArchived.v1": today | {"fields": [about, letters]},
        "CategoryArchived.v2": today | {"fields": [about, {"name": "id", "type": "string"}]},
        "CategoryArchived.v3": today | {"fields": [about, now | {"aliases": ["id"]}]},
    }
    for name, schema in texts.items():
        (folder / f"{name}.avsc").write_text(json.dumps(schema), "utf-8")
    added = {"CategoryArchived.v2": 1002, "CategoryArchived.v3": 1003}
    (folder / "ids.json").write_text(json.dumps(ids | added), "utf-8")

    def join(record: dict[str, Any]) -> dict[str, Any]:
        return record | {"id": "".join(record.pop("letters"))}

    monkeypatch.setattr(upcasting, "UPCASTERS", {("CategoryArchived", 1): join})
    forget()
    metadata = {name: getattr(ARCHIVED.metadata, name) for name in EventMetadata.__slots__}
    told: dict[str, dict[str, object]] = {
        "v1": {"letters": list("cats")},
        "v2": {"id": "cats"},
        "v3": {"category_id": "cats"},
    }
    for version, rest in told.items():
        name = f"CategoryArchived.{version}"
        body = BytesIO()
        schemaless_writer(body, texts[name], {"metadata": metadata, **rest})
        framed = b"\0" + (ids | added)[name].to_bytes(4, "big") + body.getvalue()
        assert decode(framed) == ARCHIVED, version


def test_the_id_of_a_newer_release_is_an_unknown_schema() -> None:
    framed = encode(ARCHIVED)
    with pytest.raises(UnknownSchema):
        decode(framed[:1] + (1_000_000).to_bytes(4, "big") + framed[5:])


@pytest.mark.parametrize("framed", [b"", b"\0", b"\0\0\0\0", b"\x01\0\0\0\x01", b'{"a": 1}'])
def test_another_frame_is_undecodable(framed: bytes) -> None:
    with pytest.raises(Undecodable, match="not framed"):
        decode(framed)


def test_a_body_cut_short_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="while reading"):
        decode(encode(ARCHIVED)[:-1])


def test_bytes_left_over_are_undecodable() -> None:
    with pytest.raises(Undecodable, match="1 bytes are left over"):
        decode(encode(ARCHIVED) + b"\0")


def test_a_word_of_an_enum_arrives_as_one() -> None:
    arrived = decode(encode(ACCEPTED))
    assert isinstance(arrived, CommandAccepted)
    assert arrived.asset
    assert type(arrived.asset.status) is Status  # the plain text would be equal, too


def test_a_word_that_is_not_among_an_enums_is_undecodable() -> None:
    framed = encode(ACCEPTED)
    with pytest.raises(Undecodable, match="painted"):
        decode(framed.replace(b"deleted", b"painted"))


def test_a_dead_letter_keeps_bytes_that_are_no_text() -> None:
    assert decode(encode(PARKED)) == PARKED


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (replace(PARKED, parked_at=NOON.replace(tzinfo=None)), ValueError),
        (replace(PARKED, detail="\ud800"), ValueError),
        (replace(PARKED, offset=2**63), OverflowError),
    ],
)
def test_what_avro_cannot_hold_is_not_written(broken: DeadLetter, error: type[Exception]) -> None:
    with pytest.raises(error):
        encode(broken)
