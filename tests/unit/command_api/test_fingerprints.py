"""A fingerprint tells requests apart; it does not tell what one said."""

from dataclasses import replace
from hashlib import sha256

from command_api.requests.admission import WriteRequest
from command_api.requests.prefer_header import preference
from domain.values import Actor, CommandId, CorrelationId, TenantId
from infra.encryption import WHOLE_TENANT, Erasure
from tests.support.keyrings import fixed_keyring, using_encryptor
from tests.support.samples import ACME, NOON

WRITE = WriteRequest(
    tenant_id=ACME,
    actor=Actor("key:k1"),
    target="POST /v1/assets",
    command_id=CommandId("c-1"),
    idempotency_key="mine",
    expected_version=None,
    preference=preference("", 10.0),
    correlation_id=CorrelationId("c-1"),
    received_at=NOON,
    reply_partition=0,
)


def fingerprint(content: str, write: WriteRequest = WRITE) -> str:
    return write.metadata("an entity", content).fingerprint or ""


def test_the_same_request_has_the_same_and_another_another() -> None:
    assert fingerprint("Ann") == fingerprint("Ann") != fingerprint("Bob")
    assert fingerprint("Ann") != fingerprint("Ann", replace(WRITE, target="POST /v1/categories"))
    assert fingerprint("Ann") != fingerprint("Ann", replace(WRITE, tenant_id=TenantId("globex")))


def test_it_stays_the_same_whatever_else_is_erased() -> None:
    others = [
        Erasure(tenant_id=ACME, entity_id="an entity", erased_at=NOON),
        Erasure(tenant_id="globex", entity_id=WHOLE_TENANT, erased_at=NOON),
    ]
    before = fingerprint("Ann")
    with using_encryptor(fixed_keyring().without(others)):
        assert fingerprint("Ann") == before


def test_whoever_guesses_cannot_try_it_out() -> None:
    assert fingerprint("Ann") != sha256(f"{WRITE.target}\nAnn".encode()).hexdigest()
    erased = [Erasure(tenant_id=ACME, entity_id=WHOLE_TENANT, erased_at=NOON)]
    with using_encryptor(fixed_keyring().without(erased)):
        assert fingerprint("Ann") == fingerprint("Bob")
