"""Bodies that come slowly, or not at all."""

import asyncio

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from infra.http.application import install
from infra.http.body_limits import BodyLimits, body_of
from tests.support.asgi import SlowRequest

SOON = BodyLimits(body_bytes=100, form_bytes=200, idle_seconds=0.05, total_seconds=30)
CHUNKED = {"transfer-encoding": "chunked"}


def new_app(limits: BodyLimits, whole: list[bool]) -> FastAPI:
    app = FastAPI(title="sample")

    @app.post("/raw")
    async def raw(request: Request) -> int:
        whole.append(body_of(request.scope).is_whole)
        read = len(await request.body())
        whole.append(body_of(request.scope).is_whole)
        return read

    install(
        app, service="sample", problem_base_url="http://problems.example", probes={}, limits=limits
    )
    return app


@pytest.mark.parametrize("parts", [[], [b"x"], [b"x"] * 20])
def test_a_body_that_stops_coming_is_given_up(parts: list[bytes]) -> None:
    request = SlowRequest("POST", "/raw", {"content-length": "90"}, parts)
    whole: list[bool] = []
    assert asyncio.run(asyncio.wait_for(request.answer(new_app(SOON, whole)), 20)) == 408
    assert request.headers["connection"] == "close"
    assert request.headers["content-type"] == "application/problem+json"
    assert request.json()["type"].endswith("/problems/request-timeout")
    assert whole == [False]


class Trickle(SlowRequest):
    """Sends a byte now and then, for ever."""

    async def _receive(self) -> dict[str, object]:
        await asyncio.sleep(0.02)
        self.parts_taken += 1
        return {"type": "http.request", "body": b"", "more_body": True}


def test_a_body_that_never_comes_to_its_end_is_given_up_though_it_never_stops() -> None:
    limits = BodyLimits(body_bytes=100, form_bytes=200, idle_seconds=30, total_seconds=0.3)
    request = Trickle("POST", "/raw", CHUNKED)
    assert asyncio.run(asyncio.wait_for(request.answer(new_app(limits, [])), 20)) == 408
    assert request.parts_taken > 1


@pytest.mark.parametrize(
    ("headers", "parts", "expected"),
    [
        ({}, [b""], [True, True]),
        ({"content-length": "0"}, [b""], [True, True]),
        ({"content-length": "3"}, [b"x", b"yz"], [False, True]),
        (CHUNKED, [b"x", b"y", b""], [False, True]),
    ],
)
def test_it_is_known_when_a_body_is_whole(
    headers: dict[str, str], parts: list[bytes], expected: list[bool]
) -> None:
    request = SlowRequest("POST", "/raw", headers, parts, is_whole=True)
    whole: list[bool] = []
    assert asyncio.run(request.answer(new_app(SOON, whole))) == 200
    assert whole == expected
