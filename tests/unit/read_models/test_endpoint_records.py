"""An endpoint as it lies in its topic: whole again when it is read, and no target in the clear."""

from dataclasses import replace

from domain.webhook.endpoint import WebhookEndpoint
from infra.encryption import Erasure
from read_models.webhooks.endpoint_records import endpoint_record_from_json, endpoint_record_to_json
from tests.support.keyrings import fixed_keyring, using_encryptor
from tests.support.samples import NOON
from tests.support.webhook_parts import ENDPOINT

STORED = replace(ENDPOINT, url="https://hooks.example.com/a-token", description="for Ann")


def test_what_is_stored_is_read_back_and_cannot_be_read_without_keys() -> None:
    value = endpoint_record_to_json(STORED)
    assert endpoint_record_from_json(value) == STORED
    assert b"a-token" not in value
    assert b"Ann" not in value


def test_of_an_erased_endpoint_its_target_is_gone() -> None:
    value = endpoint_record_to_json(STORED)
    erasure = Erasure(tenant_id=STORED.tenant_id, entity_id=STORED.endpoint_id, erased_at=NOON)
    with using_encryptor(fixed_keyring().without([erasure])):
        read = endpoint_record_from_json(value)
    assert isinstance(read, WebhookEndpoint)
    assert (read.url, read.description) == ("", "")
