"""A body of a kind that is not wanted is refused by its header, before a byte of it is read."""

import asyncio
import re
from collections.abc import Iterator

import pytest

from command_api.app import CommandApiParts, create_app
from tests.support.api_keys import Keys
from tests.support.asgi import SlowRequest
from tests.unit.command_api.conftest import SETTINGS

ID = "0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11"
FORM = "multipart/form-data"
PARTS = {"view": "asset_by_id", "category": ID}
VERBS = {"/v1/admin/rebuilds/{view}/{verb}": "pause", "/v1/admin/consistency/{verb}": "check"}


def json_routes(parts: CommandApiParts) -> Iterator[tuple[str, str]]:
    app, _ = create_app(SETTINGS, parts)
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            taken = operation.get("requestBody", {}).get("content", {})
            if taken and FORM not in taken:
                yield method.upper(), path


@pytest.mark.parametrize("length", [{"content-length": "9000"}, {"transfer-encoding": "chunked"}])
def test_no_route_that_takes_json_reads_a_form(
    parts: CommandApiParts, keys: Keys, length: dict[str, str]
) -> None:
    app, _ = create_app(SETTINGS, parts)
    key = keys.add(["admin"])
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": f"{FORM}; boundary=x",
        "idempotency-key": "k",
        **length,
    }
    routes = list(json_routes(parts))
    assert len(routes) > 10
    for method, path in routes:
        asked = re.sub(r"{(\w+)}", lambda part: PARTS.get(part[1], ID), _with_verb(path))
        request = SlowRequest(method, asked, headers, [b"x" * 3_000] * 3, is_whole=True)
        assert asyncio.run(request.answer(app)) == 415, (method, path)
        assert request.parts_taken == 0, (method, path)


def _with_verb(path: str) -> str:
    return path.replace("{verb}", VERBS.get(path, ""))
