"""A view is rebuilt, switched, taken back and dropped while others write and read."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.api_client import responds_ok
from cli.local_platform.services import (
    COMMAND_API,
    PROJECTIONS,
    QUERY_API,
    REBUILDING,
    RunningService,
    Services,
)
from domain.errors import ScaleHosterError
from domain.values import TenantId
from infra.cassandra.view_store import CassandraViewStore
from infra.http.authentication.api_keys import create_api_key
from infra.http.position_header import POSITION_HEADER, position_to_header
from infra.kafka.admin import apply_topics
from read_models.installation import apply_views
from tests.support.eventually import eventually
from tests.support.installation import READY_SECONDS, Installation
from tests.support.long_histories import Appender, categories_of, picture
from tests.support.servers import Servers

ROOT = Path(__file__).parents[2]
PICTURES, EVENTS_EACH, AT_ONCE = 520, 100, 20
"""More than 50,000 events, of few pictures, so that listings can be read all the time."""
NOON = datetime.now(UTC).replace(hour=12, minute=0) - timedelta(days=30)
KILLED = 137

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def read_side(servers: Servers, tmp_path: Path) -> Iterator[Installation]:
    """The projections and the query API; the test itself appends events."""
    installation = Installation(servers, tmp_path, [])
    installation.environment["SCALEHOSTER_QUERY_API__WAIT_SECONDS"] = "30"
    installation.services = Services(
        tmp_path, installation.environment, (PROJECTIONS, QUERY_API, COMMAND_API)
    )
    try:
        apply_topics(installation.kafka)
        apply_views(installation.cassandra)
        installation.services.start()
        ready = f"{installation.query_url}/readyz"
        eventually(lambda: responds_ok(ready), within_seconds=READY_SECONDS)
        yield installation
    finally:
        builder(installation).stop()
        installation.down()
        installation.remove()


def builder(installation: Installation) -> RunningService:
    return RunningService(REBUILDING, installation.directory, installation.environment)


class Operator:
    """Types commands, and knows how they should end."""

    def __init__(self, installation: Installation) -> None:
        self._environment = installation.environment
        self._store = CassandraViewStore.connect(installation.cassandra)
        self.close = self._store.close

    def type(self, *words: str, ends: int = 0, command: str = "rebuild") -> Any:  # noqa: ANN401 - JSON
        """Give what a command printed, or the sentence that it was refused with."""
        done = CliRunner().invoke(app, [command, *words, "--json"], env=self._environment)
        if isinstance(done.exception, ScaleHosterError):
            assert ends == 1, (words, done.exception)
            return str(done.exception)
        assert done.exit_code == ends, (words, done.output, done.exception)
        return json.loads(done.stdout)

    def dies(self, failpoint: str, *words: str) -> None:
        """Type a command whose process is killed at a bad moment."""
        died = subprocess.run(
            [sys.executable, "-m", "cli", "rebuild", *words],
            cwd=ROOT,
            env={**self._environment, "SCALEHOSTER_FAILPOINT": failpoint},
            capture_output=True,
            text=True,
            check=False,
        )
        assert died.returncode == KILLED, died.stderr

    def applied(self, generation: int) -> int:
        found = self._store.checkpoints("assets_by_date", generation)
        return sum(each.event_count for each in found)

    def is_read(self) -> int:
        return self._store.generations.actives()["assets_by_date"].number

    def standing(self, generation: int) -> dict[str, Any]:
        rows = self.type("status", "assets_by_date")
        return next(row for row in rows if row["number"] == generation)


class RemoteOperator:
    """Asks the command API for operations, and the query API what came of them."""

    def __init__(self, installation: Installation, tenant_id: TenantId) -> None:
        _, key = create_api_key(installation.kafka, tenant_id, ("admin",), "operator")
        self._commands, self._queries = (
            httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
            for url in (installation.command_url, installation.query_url)
        )
        nobody = "/v1/admin/consistency/check"
        for is_known in (
            lambda: self._queries.get("/v1/admin/rebuilds").status_code == 200,
            lambda: self._commands.post(nobody, json={}).status_code == 422,
        ):
            eventually(is_known, within_seconds=60)

    def close(self) -> None:
        self._commands.close()
        self._queries.close()

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        answer = self._queries.get(f"/v1/admin/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, path: str, body: object = None) -> tuple[str, Any]:
        """Ask, and wait until it is over; give the state and what was told of it."""
        answer = self._commands.post(f"/v1/admin/{path}", json=body or {})
        if answer.status_code == 409:
            return "refused", answer.json()["detail"]
        assert answer.status_code in (200, 202), answer.text
        asked = f"requests/{answer.json()['request_id']}"
        eventually(
            lambda: self.get(asked)["state"] in ("done", "refused", "failed"), within_seconds=60
        )
        told = self.get(asked)
        return told["state"], told["detail"] or told["outcome"]


class Traffic:
    """Somebody who writes and somebody who reads; what either should not have seen is kept."""

    def __init__(self, installation: Installation, tenant_id: TenantId) -> None:
        self.wrong: list[str] = []
        self.written: list[str] = []
        self.listings = 0
        self._tenant_id = tenant_id
        self._appender = Appender(installation.kafka, f"traffic-{uuid.uuid4().hex[:8]}")
        self._stopping = Event()
        events, self._catalogue = categories_of(tenant_id, NOON - timedelta(days=1))
        self._appender.append(events)
        _, key = create_api_key(installation.kafka, tenant_id, ("assets:read",), "test")
        self._client = httpx2.Client(
            base_url=installation.query_url, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        eventually(lambda: self._client.get("/v1/categories").status_code == 200)

    def append_many(self, pictures: int, events: int) -> None:
        """Append many pictures that were taken one an hour."""
        for start in range(0, pictures, AT_ONCE):
            made = [
                list(picture(self._tenant_id, number, self._catalogue, taken, events=events))
                for number in range(start, start + AT_ONCE)
                for taken in [NOON + timedelta(hours=number)]
            ]
            self._appender.append(event for own in made for event in own)
            self.written += [own[0].metadata.entity_id for own in made]

    def append(self, number: int, now: datetime, events: int) -> str | None:
        made = list(picture(self._tenant_id, number, self._catalogue, now, events=events))
        position = self._appender.append(made)
        self.written.append(made[0].metadata.entity_id)
        if position is None:
            return None
        return position_to_header(f"{position.topic}:{position.partition}:{position.offset}")

    def listed(self, path: str) -> list[str]:
        found: list[str] = []
        page = f"{path}?limit=100"
        while page:
            answer = self._client.get(page)
            if answer.status_code != 200:
                self.wrong.append(f"{page}: {answer.status_code} {answer.text}")
                return found
            found += [item["asset_id"] for item in answer.json()["items"]]
            page = answer.json()["next"]
        return found

    @contextmanager
    def going_on(self) -> Iterator[None]:
        threads = [Thread(target=self._write), Thread(target=self._read)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def close(self) -> None:
        self._client.close()

    def _write(self) -> None:
        number = 1_000_000
        while not self._stopping.wait(0.05):
            number += 1
            position = self.append(number, datetime.now(UTC), 3)
            assert position
            answer = self._client.get("/v1/assets?limit=10", headers={POSITION_HEADER: position})
            shown = [item["asset_id"] for item in answer.json().get("items", [])]
            if self.written[-1] not in shown:
                self.wrong.append(f"{self.written[-1]} not in {answer.status_code} {shown}")

    def _read(self) -> None:
        seen: set[str] = set()
        while not self._stopping.wait(0.01):
            expected = set(self.written[:PICTURES]) | seen
            found = self.listed("/v1/assets")
            self.listings += 1
            if len(set(found)) != len(found):
                self.wrong.append("an asset was listed twice")
            if missing := expected - set(found):
                self.wrong.append(f"{len(missing)} of {len(expected)} were not listed")
            seen |= set(found)


def test_a_view_is_rebuilt_while_others_write_and_read(read_side: Installation) -> None:
    tenant_id = TenantId(f"tenant-{uuid.uuid4().hex[:8]}")
    with (
        closing(Traffic(read_side, tenant_id)) as traffic,
        closing(Operator(read_side)) as operator,
    ):
        everything_in_turn(read_side, traffic, operator)
    with closing(RemoteOperator(read_side, tenant_id)) as remote:
        the_same_over_http(remote)


def everything_in_turn(read_side: Installation, traffic: Traffic, operator: Operator) -> None:
    traffic.append_many(PICTURES, EVENTS_EACH)
    eventually(lambda: len(traffic.listed("/v1/assets")) == PICTURES, within_seconds=120)

    with traffic.going_on():
        (begun,) = operator.type("start", "assets_by_date", "--throttle", "2000")
        assert (begun["number"], begun["state"]) == (2, "building")
        refused = operator.type("start", "assets_by_date", ends=1)
        assert "is being rebuilt as generation 2" in refused
        for goal, throttle in ((5_000, "1000"), (12_000, "100")):
            eventually(lambda goal=goal: operator.applied(2) > goal, within_seconds=60)  # type: ignore[misc] # the default binds the loop's value
            builder(read_side).kill()
            operator.type("resume", "assets_by_date", "--throttle", throttle)
        operator.type("switch", "assets_by_date", ends=1)  # not built yet
        operator.type("resume", "assets_by_date", "--throttle", "0", "--processes", "2", "--follow")
        built = operator.standing(2)
        assert (built["state"], built["done"]) == ("following", built["target"])

        operator.type("switch", "assets_by_date", ends=1)  # not compared yet
        report = operator.type("compare", "assets_by_date")
        listing, buckets = report["tables"]
        assert listing["rows_before"] == listing["rows_after"] >= PICTURES
        assert buckets["rows_before"] == buckets["rows_after"] > 10
        operator.dies("rebuild.before_swap", "switch", "assets_by_date")
        assert operator.is_read() == 1
        operator.dies("rebuild.after_swap", "switch", "assets_by_date")
        assert operator.is_read() == 2
        assert operator.type("rollback", "assets_by_date")[0]["now"] == 1
        assert operator.type("switch", "assets_by_date")[0]["now"] == 2
        operator.type("drop", "assets_by_date", "2", ends=1)
        operator.type("drop", "assets_by_date", "1")
        assert [row["number"] for row in operator.type("status", "assets_by_date")] == [2]
        assert operator.standing(2)["events"] >= 50_000
        (proved,) = operator.type("check", "assets_by_date", command="consistency")
        assert (proved["generation"], proved["difference_count"]) == (2, 0)

    assert traffic.wrong == []
    assert traffic.listings > 10
    assert len(traffic.written) > PICTURES + 10
    assert set(traffic.listed("/v1/assets")) == set(traffic.written)


def the_same_over_http(remote: RemoteOperator) -> None:
    state, begun = remote.ask("rebuilds", {"view": "categories"})
    assert (state, begun["number"]) == ("done", 2)

    def built() -> dict[str, Any]:
        rebuilt = remote.get("rebuilds?view=categories")["items"][-1]
        assert rebuilt["generation"] == 2
        return dict(rebuilt)

    eventually(lambda: built()["state"] == "following", within_seconds=60)
    state, why = remote.ask("rebuilds/categories/switch")
    assert state == "refused"
    assert "was not compared" in why
    state, report = remote.ask("rebuilds/categories/compare")
    assert (state, [table["difference_count"] for table in report["tables"]]) == ("done", [0])
    state, switched = remote.ask("rebuilds/categories/switch")
    assert (state, switched) == ("done", {"view": "categories", "before": 1, "now": 2})
    assert built()["is_read"]
    state, proved = remote.ask("consistency/check", {"view": "categories"})
    assert (state, proved["difference_count"]) == ("done", 0)
    known = {each["view"]: each for each in remote.get("consistency")["items"]}
    assert known["categories"]["is_equal"]
    assert known["categories"]["generation"] == 2
