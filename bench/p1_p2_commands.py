"""P1 and P2: submitting pictures over HTTP, without and with waiting for the decision.

P1: one process of the command API checks the key and the body, appends the command to Kafka
(acks=all) and answers 202. The other side is the same FastAPI route, which only validates the body
and answers at once. P2: the same command API with a decider beside it, and the answer is the
decision. The three take turns; those whose turn it is not are idle.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Literal
from uuid import uuid4

import httpx2
from fastapi import FastAPI
from pydantic import BaseModel

from bench.http_load import Load, Request, load
from bench.reporting import report
from bench.servers import bench_kafka
from bench.uvicorns import serving
from domain.values import TenantId
from infra.http.authentication.api_keys import create_api_key
from infra.kafka.admin import apply_topics
from tests.support.command_api_process import command_api, decider
from tests.support.eventually import eventually

CONNECTIONS, FEW = 32, 8
P50_MS = 25.0
CATEGORY = {"name": "Cats", "slug": "cats"}
PICTURE = {
    "download_url": "https://example.com/2026/11/a-cat-on-a-sofa.jpg",
    "category": "cats",
    "title": "A cat",
    "alt_text": "A cat on a sofa, seen from above",
    "tags": ["cat", "sofa"],
}


class BareBody(BaseModel):
    """A picture."""

    download_url: str
    category: str
    title: str = ""
    alt_text: str = ""
    tags: list[str] = []


class BareAnswer(BaseModel):
    """What ours answers, too."""

    command_id: str
    status: Literal["pending"]
    links: dict[str, str]


def bare() -> FastAPI:
    app = FastAPI()

    @app.post("/v1/assets", status_code=202)
    async def submit(body: BareBody) -> BareAnswer:
        assert body.category
        command_id = str(uuid4())
        link = f"http://127.0.0.1:3002/v1/commands/{command_id}"
        return BareAnswer(command_id=command_id, status="pending", links={"command": link})

    return app


@contextmanager
def ours(*, decides: bool) -> Iterator[tuple[str, str]]:
    """Run a command API on topics of its own, with or without a decider; give address and key."""
    with ExitStack() as stack:
        kafka = stack.enter_context(bench_kafka())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        apply_topics(kafka)
        _, key = create_api_key(kafka, TenantId("acme"), ("assets:write",), "bench")
        if decides:
            stack.enter_context(decider(kafka, folder))
        os.environ["SCALEHOSTER_COMMAND_API__REQUESTS_PER_SECOND"] = "1000000"
        os.environ["SCALEHOSTER_COMMAND_API__REQUESTS_PER_SECOND_PER_TENANT"] = "1000000"
        url = stack.enter_context(command_api(kafka, folder)).url
        if decides:
            open_category(url, key)
        yield url, key


def open_category(url: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "cats"}

    def is_open() -> bool:
        answer = httpx2.post(f"{url}/v1/categories", json=CATEGORY, headers=headers, timeout=30)
        return answer.status_code == 201

    eventually(is_open, within_seconds=60)


def submitting(url: str, key: str = "", prefer: str = "") -> Request:
    return Request(
        url=f"{url}/v1/assets",
        method="POST",
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {key}",
            "Prefer": prefer or "wait=10",
        },
        body=json.dumps(PICTURE),
        status=202,
    )


def measure(*, quick: bool) -> None:
    rounds, count = (3, 3_200) if quick else (7, 9_600)
    found: dict[str, list[Load]] = {"bare": [], "async": [], "waiting": [], "few": []}
    with (
        serving(bare) as bare_url,
        ours(decides=False) as accepting,
        ours(decides=True) as deciding,
    ):
        sides = {
            "bare": (submitting(bare_url), CONNECTIONS, count),
            "async": (submitting(*accepting, "respond-async"), CONNECTIONS, count),
            "waiting": (submitting(*deciding), CONNECTIONS, count // 2),
            "few": (submitting(*deciding), FEW, count // 4),
        }
        for round_ in range(rounds + 1):
            for name, (request, connections, times) in sides.items():
                seen = load(request, connections=connections, count=times)
                if round_:  # the first one warms up
                    found[name].append(seen)
    tell(found)


def tell(found: dict[str, list[Load]]) -> None:
    rate = {name: median(one.per_second for one in loads) for name, loads in found.items()}
    tail = {name: median(one.p99_ms for one in loads) for name, loads in found.items()}
    middle = {name: median(one.p50_ms for one in loads) for name, loads in found.items()}
    figures = {
        name: [[one.per_second, one.p50_ms, one.p99_ms] for one in loads]
        for name, loads in found.items()
    }
    report(
        "P1",
        f"accepting {rate['async']:,.0f}/s, bare FastAPI {rate['bare']:,.0f}/s",
        ratio=rate["async"] / rate["bare"],
        target=0.7,
        figures=figures,
    )
    report(
        "P1-p99",
        f"bare FastAPI {tail['bare']:.0f} ms, accepting {tail['async']:.0f} ms",
        ratio=tail["bare"] / tail["async"],
        target=0.2,
        figures=figures,
    )
    report(
        "P2",
        f"deciding {rate['waiting']:,.0f}/s, accepting {rate['async']:,.0f}/s",
        ratio=rate["waiting"] / rate["async"],
        target=0.35,
        figures=figures,
    )
    report(
        "P2-p50",
        f"at {FEW} connections {middle['few']:.1f} ms, allowed {P50_MS:.0f} ms",
        ratio=P50_MS / middle["few"],
        target=1.0,
        figures=figures,
    )
