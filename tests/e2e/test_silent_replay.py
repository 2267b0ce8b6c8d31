"""Reading the log again, for another generation or from its beginning, tells nobody anything."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from infra.cassandra.session import CassandraSession
from tests.support.eventually import eventually
from tests.support.installation import Customer, Installation
from tests.support.server_sent_events import Piece, pieces
from tests.support.supplier import Supplier
from tests.support.webhook_receiver import HookReceiver

pytestmark = pytest.mark.timeout(300)

VIEW = "assets_by_date"


def listen(customer: Customer, seen: SimpleQueue[Piece], last: str) -> list[str]:
    """Follow the live feed up to an event of this type, and name the types of all that came."""
    types = []
    with customer.queries.stream("GET", "/v1/events", timeout=240) as answer:
        for piece in pieces(answer.iter_lines()):
            seen.put(piece)
            if piece.type:
                types.append(piece.type)
            if piece.type == last:
                break
    return types


def rebuild(installation: Installation) -> Callable[..., Any]:
    def typed(*words: str) -> Any:  # noqa: ANN401 - JSON
        done = CliRunner().invoke(app, ["rebuild", *words, "--json"], env=installation.environment)
        assert done.exit_code == 0, (words, done.output, done.exception)
        return json.loads(done.stdout)

    return typed


def test_no_webhook_and_no_live_event_is_fired_by_a_rebuild_or_a_replay_from_offset_0(
    installation: Installation, customer: Customer, supplier: Supplier, receiver: HookReceiver
) -> None:
    path, seen = f"silent/{uuid4()}", SimpleQueue[Piece]()
    answer = customer.commands.post("/v1/webhooks", json={"url": receiver.url(path)})
    assert answer.status_code == 201, answer.text

    def told() -> Counter[str]:
        return Counter(one.event["type"] for one in receiver.told(path))

    with ThreadPoolExecutor(1) as pool:
        feed = pool.submit(listen, customer, seen, "asset.deleted")
        seen.get(timeout=60)  # it follows
        asset_id = customer.submit(supplier.url("picture/41.jpg"), "cats")
        customer.ended(asset_id)
        eventually(lambda: told().total() == 2, within_seconds=60)

        operator = rebuild(installation)
        (built,) = operator("start", VIEW, "--follow")
        operator("compare", VIEW)
        (switched,) = operator("switch", VIEW)
        assert switched["now"] == built["number"]
        operator("drop", VIEW, str(switched["before"]))
        lose_what_was_applied(installation, built["number"])
        eventually(lambda: customer.by_date() == [asset_id], within_seconds=120)

        # All that a replay might have fired was due before this.
        assert customer.commands.delete(f"/v1/assets/{asset_id}").status_code == 200
        once = ["asset.submitted", "asset.published", "asset.deleted"]
        assert feed.result(timeout=120) == once
        eventually(lambda: told()["asset.deleted"] > 0, within_seconds=60)
        assert told() == Counter(once)


def lose_what_was_applied(installation: Installation, generation: int) -> None:
    """Have the projections notice that they must read the log from offset 0 again."""
    cql = CassandraSession(installation.cassandra, keyspace=installation.cassandra.keyspace)
    try:
        for table in (f"{VIEW}_g{generation}", "projection_state"):
            cql.execute(f"TRUNCATE {installation.cassandra.keyspace}.{table}", timeout_seconds=60)
    finally:
        cql.close()
