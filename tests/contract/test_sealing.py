"""What somebody said is sealed in every message that may repeat it, and blank once erased."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import count
from typing import Any, get_args

import pytest

from avro_schemas.codec import KINDS, decode, encode
from avro_schemas.encryption import using_encryptor
from avro_schemas.errors import InvalidCiphertext, KeysLost
from domain.category.commands import CatalogueCommand
from domain.category.events import CatalogueEvent
from domain.dead_letter import DeadLetter
from domain.webhook.delivery import WebhookAttempt, WebhookRedelivery
from infra.cassandra.personal_columns import PERSONAL_COLUMNS
from infra.encryption import Erasure, new_keyring
from read_models.registry import VIEWS
from tests.contract.make_golden import made_up
from tests.support.keyrings import fixed_keyring
from tests.support.samples import NOON

NOT_SEALED = (
    *get_args(CatalogueCommand | CatalogueEvent),  # shelves have names that everybody sees
    *(DeadLetter, WebhookAttempt, WebhookRedelivery),
)
SEALED = [kind for kind in KINDS.values() if kind not in NOT_SEALED]
SAID = (
    *("url", "file_name", "title", "alt_text", "tags", "metadata", "patch", "body", "detail"),
    *("exif", "camera", "final_url", "etag", "thumbhash", "reason", "members"),
)


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
        column: view.name
        for view in VIEWS
        for message in map(example, SEALED)
        for operation in view.rows(message)
        for column, value in getattr(operation, "columns", {}).items()
        if any(f"{said} " in str(value) and said in SAID for said in SAID)
    }
    assert set(columns) <= set(PERSONAL_COLUMNS)
