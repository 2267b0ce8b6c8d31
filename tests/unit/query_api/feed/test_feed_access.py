"""A feed over HTTP is open for as long as the key that opened it is good."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI

from domain.values import TenantId
from infra.http.authentication.api_key_table import ApiKeyRejected, Caller
from tests.support.fakes.memory_log import MemoryEventLog
from tests.support.samples import ACME
from tests.support.story import GLOBEX
from tests.unit.query_api.conftest import READS

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "scheme": "http",
    "method": "GET",
    "path": "/v1/events",
    "raw_path": b"/v1/events",
    "root_path": "",
    "query_string": b"",
    "headers": [(b"authorization", b"Bearer the key")],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
}


class OneKey:
    """Belongs to a tenant, until nobody has it any more."""

    def __init__(self) -> None:
        self.tenant_id: TenantId | None = ACME

    def authenticate(self, _text: str) -> Caller:
        if self.tenant_id is None:
            raise ApiKeyRejected("the API key is unknown or was revoked")
        return Caller(tenant_id=self.tenant_id, key_id="k", scopes=READS)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> OneKey:
    one = OneKey()
    monkeypatch.setattr("query_api.feed.feed._LOOK_SECONDS", 0.01)
    monkeypatch.setattr("tests.unit.query_api.conftest.MemoryKeys", lambda: one)
    return one


async def follow(app: FastAPI, keys: OneKey, log: MemoryEventLog, then: TenantId | None) -> str:
    """Listen; once the first piece has come the key belongs to another, and something happens."""
    told: list[str] = []
    said = iter([{"type": "http.request"}])

    async def receive() -> Any:  # noqa: ANN401 - of ASGI
        return next(said, None) or await asyncio.Event().wait()  # the client never goes away

    async def send(message: Any) -> None:  # noqa: ANN401 - as above
        if message["type"] == "http.response.body":
            told.append(message["body"].decode())
            if keys.tenant_id is ACME:
                keys.tenant_id = then
                log.append()

    async with asyncio.timeout(30):  # a feed that goes on fails here
        await app({**SCOPE}, receive, send)
    return "".join(told)


@pytest.mark.parametrize("then", [None, GLOBEX], ids=["revoked", "of another tenant"])
def test_a_feed_ends_when_its_key_is_good_no_more(
    keys: OneKey, event_log: MemoryEventLog, app: FastAPI, then: TenantId | None
) -> None:
    told = asyncio.run(follow(app, keys, event_log, then))

    assert told.startswith("id: ")
    assert "data:" not in told
