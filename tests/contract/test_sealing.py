"""What somebody said is sealed in every message that may repeat it, and blank once erased."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import count
from typing import Any, get_args

import pytest

from avro_schemas.codec import KINDS, decode, encode
from avro_schemas.errors import InvalidCiphertext, KeysLost
from avro_schemas.registry import newest
from domain.category.commands import CatalogueCommand
from domain.category.events import CatalogueEvent
from domain.dead_letter import DeadLetter
from domain.webhook.delivery import WebhookAttempt, WebhookRedelivery
from infra.encryption import Erasure, new_keyring
from read_models.registry import VIEWS
from read_models.view import View
from tests.architecture.test_layout import modules
from tests.contract.make_golden import made_up
from tests.support.keyrings import fixed_keyring, using_encryptor
from tests.support.samples import NOON

NOT_SEALED = (
    *get_args(CatalogueCommand | CatalogueEvent),  # shelves have names that everybody sees
    *(DeadLetter, WebhookAttempt, WebhookRedelivery),
)
SEALED = [kind for kind in KINDS.values() if kind not in NOT_SEALED]
TABLES = [table for view in VIEWS for table in view.tables]
SAID = {
    *("url", "upload_key", "file_name", "title", "alt_text", "tags", "metadata", "patch", "body"),
    *("exif", "captured_at", "camera", "dominant_colours", "thumbhash"),
    *("final_url", "etag", "last_modified", "detail", "reason", "members"),
    *("AdjustTags.add", "AdjustTags.remove"),
}
HARMLESS = {
    *("tenant_id", "entity_id", "asset_id", "event_id", "command_id", "correlation_id", "job_id"),
    *("category_id", "delivery_id", "endpoint_id", "redelivery_id", "purge_id", "duplicate_of"),
    *("actor", "fingerprint", "entity_version", "expected_version", "version", "reply_partition"),
    *("happened_at", "issued_at", "created_at", "decided_at", "failed_at", "parked_at", "retry_at"),
    *("ordered_at", "attempted_at", "next_attempt_at", "not_before", "since", "until"),
    *("category", "categories", "category_ids", "previous_category_ids", "shown_in", "if_in"),
    *("name", "slug", "parent", "parent_id", "previous_name", "previous_slug"),
    *("previous_parent_id", "is_archived", "ends"),
    *("status", "previous_status", "preset", "run", "if_run", "starts_run", "is_bulk"),
    *(
        "keeps_published",
        "leads_there",
        "shown_since",
        "duplicates",
        "code",
        "problem",
        "attempts",
        "x",
        "y",
    ),
    *("blob_key", "folder", "spared", "sha256", "previous_sha256", "thumbnail_sha256"),
    *("cut_from_sha256", "cut_from_bytes", "size_bytes", "media_type", "width", "height", "frames"),
    *("pipeline_version", "watermark", "dominant_colour", "perceptual_hash", "duration_ms"),
    "previous_perceptual_hash",
    *("kind", "add", "remove", "statuses", "rendered_before", "asset_ids", "origin", "depth"),
    *("reverts", "per_second", "per_minute", "total", "items", "item", "after", "is_last"),
    *("result", "outcome", "state", "changed", "unchanged", "conflicts", "refused"),
    *("event_type", "event_types", "is_redelivery", "position", "positions", "topic", "partition"),
    *("offset", "number", "key", "value"),  # of a dead letter: what is in it is sealed there
    *("DeadLetter.detail", "WebhookAttempt.detail"),  # our own words; a status and a host's name
}


def example(kind: type) -> Any:  # noqa: ANN401 - of any kind
    return made_up(kind, "", count(1))


def texts(value: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 - any part of a message
    if is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name), field.name)
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item, name)
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item, name)
    elif isinstance(value, str) and name in SAID:
        yield value


def leaves(
    part: Any,  # noqa: ANN401 - JSON is anything
    name: str,
    known: dict[str, Any],
    *,
    is_sealed: bool = False,
) -> Iterator[tuple[str, bool]]:
    """Name every plain field of a schema, however deep, and tell whether it is sealed."""
    match part:
        case str() if part in known:
            yield from leaves(known[part], name, known, is_sealed=is_sealed)
        case str():
            yield name, is_sealed
        case list():
            for each in part:
                if each != "null":
                    yield from leaves(each, name, known, is_sealed=is_sealed)
        case {"type": "record", "name": record, "fields": members}:
            known[record] = part
            for one in members:
                inner, sealed = one.get("sealed", one["type"]), is_sealed or "sealed" in one
                yield from leaves(inner, one["name"], known, is_sealed=sealed)
        case {"type": "array", "items": items}:
            yield from leaves(items, name, known, is_sealed=is_sealed)
        case _:
            yield name, is_sealed


@pytest.mark.parametrize("message", KINDS)
def test_every_field_of_every_message_is_sealed_or_known_to_be_harmless(message: str) -> None:
    for name, is_sealed in leaves(json.loads(newest(message).text), "", {}):
        full = f"{message}.{name}"
        is_said = full in SAID or (name in SAID and full not in HARMLESS)
        assert is_said or {full, name} & HARMLESS, f"is {full} personal? say so here"
        assert is_sealed or not is_said, f"{full} is personal and lies open in the schema"


def test_no_field_is_judged_that_no_message_has() -> None:
    found = {
        word
        for message in KINDS
        for name, _ in leaves(json.loads(newest(message).text), "", {})
        for word in (name, f"{message}.{name}")
    }
    assert found >= SAID | HARMLESS


@pytest.mark.parametrize("kind", SEALED)
def test_nothing_that_somebody_said_is_on_the_wire(kind: type) -> None:
    message = example(kind)
    wire = encode(message)
    assert [text for text in texts(message) if text.encode() in wire] == []
    assert decode(wire) == message


@pytest.mark.parametrize("kind", SEALED)
def test_nothing_that_somebody_said_is_read_once_it_is_erased(kind: type) -> None:
    message = example(kind)
    about = getattr(message, "metadata", message)
    entity = about.entity_id if hasattr(about, "entity_id") else about.asset_id
    erased = fixed_keyring().without(
        [Erasure(tenant_id=about.tenant_id, entity_id=entity, erased_at=NOON)]
    )
    wire = encode(message)
    with using_encryptor(erased):
        read = decode(wire)
        assert set(texts(read)) <= {"", "{}"}
        again = encode(read)
    assert decode(again) == read  # to write what was erased is to write blanks


def test_another_keyring_is_an_alarm_and_an_altered_seal_is_a_broken_message() -> None:
    wire = encode(example(SEALED[0]))
    with using_encryptor(new_keyring()), pytest.raises(KeysLost):
        decode(wire)
    place = wire.index(b"\1test") + 28
    with pytest.raises(InvalidCiphertext):
        decode(wire[:place] + bytes([wire[place] ^ 1]) + wire[place + 1 :])


def test_views_keep_what_was_said_in_personal_columns() -> None:
    columns = {
        (operation.table.name, column)
        for view in VIEWS
        for message in map(example, SEALED)
        for operation in view.rows(message)
        for column, value in getattr(operation, "columns", {}).items()
        if any(f"{said} " in str(value) and said in SAID for said in SAID)
    }
    assert columns <= {(table.name, name) for table in TABLES for name, _ in table.personal}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_personal_columns_of_a_table_are_its_blobs(view: View) -> None:
    schema = view.cql(1)
    for table in view.tables:
        columns = schema.partition(f" {table.at(1)} (")[2].partition("PRIMARY")[0]
        assert set(re.findall(r"(\w+) blob,", columns)) == {name for name, _ in table.personal}
        if table.personal:
            assert table.key[0] == "tenant_id"
            assert re.search(rf"\b{table.entity} text,", columns)


def test_only_tests_swap_the_keys_of_a_process() -> None:
    """A swap would reach every thread; other keys are handed to the codec."""
    callers = {name for name, file in modules() if "use_encryptor(" in file.read_text("utf-8")}
    assert callers == {
        "avro_schemas.encryption",  # defines it
        "cli.__main__",
        "infra.encryption.installation",
    }
