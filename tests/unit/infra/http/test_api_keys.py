"""API keys: their form, what is stored of them, and when they stop counting."""

import asyncio
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.http.authentication.api_key_table import (
    ApiKeyRejected,
    ApiKeysNotLoaded,
    ApiKeyTable,
    Caller,
)
from infra.http.authentication.api_keys import (
    ApiKey,
    api_key_digest,
    api_key_from_json,
    api_key_to_json,
    is_well_formed,
    issue_api_key,
    new_api_key_text,
    revoke_api_key,
)
from infra.kafka.producer import LogPosition
from infra.kafka.topics import API_KEYS, Topic
from tests.support.samples import ACME, NOON


class MemorySender:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        assert topic is API_KEYS
        assert value is not None
        self.sent.append((key, value))
        return LogPosition(topic=topic.name, partition=0, offset=len(self.sent))


def issued() -> tuple[ApiKey, str, MemorySender]:
    sender = MemorySender()
    api_key, text = asyncio.run(
        issue_api_key(sender, tenant_id=ACME, scopes=("assets:write",), name="ci", now=NOON)
    )
    return api_key, text, sender


def table_of(*known: ApiKey) -> ApiKeyTable:
    """Make a table that was read to its end."""
    table = ApiKeyTable()
    for api_key in known:
        table.put(api_key)
    table.complete()
    return table


def test_a_key_is_recognised_by_its_form() -> None:
    keys = {new_api_key_text() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert key.startswith("shk_")
        assert is_well_formed(key)
        assert set(key.removeprefix("shk_")) <= set(string.ascii_letters + string.digits)


@given(st.integers(4, 42), st.sampled_from(string.ascii_letters + string.digits))
def test_a_mistyped_key_is_noticed_without_a_look_up(place: int, letter: str) -> None:
    key = new_api_key_text()
    mistyped = key[:place] + letter + key[place + 1 :]
    assert is_well_formed(mistyped) == (mistyped == key)


@given(st.text())
def test_noise_is_no_key(text: str) -> None:
    assert not is_well_formed(text)


def test_the_key_itself_is_stored_nowhere() -> None:
    api_key, text, sender = issued()
    stored = b"".join(value for _, value in sender.sent).decode()
    assert text not in stored
    assert text not in repr(api_key)
    assert api_key_digest(text) in stored


def test_what_is_stored_reads_back() -> None:
    api_key, _, sender = issued()
    assert api_key_from_json(sender.sent[0][1]) == api_key
    revoked = replace(api_key, revoked_at=NOON)
    assert api_key_from_json(api_key_to_json(revoked)) == revoked


@pytest.mark.parametrize("value", [b"[]", b"{}", b'{"version": 2}', b"\xff"])
def test_what_is_no_key_record_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is what is promised
        api_key_from_json(value)


def test_a_valid_key_names_its_tenant_and_scopes() -> None:
    api_key, text, _ = issued()
    caller = table_of(api_key).authenticate(text)
    assert caller == Caller(
        tenant_id=ACME, key_id=api_key.key_id, scopes=frozenset({"assets:write"})
    )
    assert caller.may("assets:write")
    assert not caller.may("assets:read")
    assert not caller.may("admin")


def test_a_revoked_key_never_comes_back() -> None:
    api_key, text, sender = issued()
    revoked = asyncio.run(revoke_api_key(sender, api_key, now=NOON))
    with pytest.raises(ApiKeyRejected):
        table_of(api_key, revoked, api_key).authenticate(text)
    assert sender.sent[-1][0] == sender.sent[0][0]  # the same record key: compaction keeps the last


def test_revoking_twice_keeps_the_first_moment() -> None:
    api_key, _, sender = issued()
    once = asyncio.run(revoke_api_key(sender, api_key, now=NOON))
    twice = asyncio.run(revoke_api_key(sender, once, now=NOON.replace(hour=13)))
    assert twice.revoked_at == NOON


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("shk_", id="only the prefix"),
        pytest.param(new_api_key_text()[:-1], id="too short"),
        pytest.param(new_api_key_text(), id="never issued"),
    ],
)
def test_other_keys_are_refused(text: str) -> None:
    with pytest.raises(ApiKeyRejected):
        table_of().authenticate(text)


def test_nobody_is_let_in_or_refused_until_all_keys_are_read() -> None:
    api_key, text, _ = issued()
    table = ApiKeyTable()
    for known in (text, new_api_key_text()):
        with pytest.raises(ApiKeysNotLoaded):
            table.authenticate(known)
    table.put(api_key)  # its revocation may come next
    with pytest.raises(ApiKeysNotLoaded):
        table.authenticate(text)
    table.complete()
    assert table.authenticate(text).key_id == api_key.key_id


def test_keys_of_a_refused_tenant_let_nobody_in() -> None:
    api_key, text, _ = issued()
    table = ApiKeyTable(refused_tenants={ACME})
    table.put(api_key)
    table.complete()
    with pytest.raises(ApiKeyRejected):
        table.authenticate(text)
