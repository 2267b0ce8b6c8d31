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
from cli.http import answers_ok
from cli.keys import issue_now
from cli.services import PROJECTIONS, QUERY_API, REBUILDING, RunningService, Services
from domain.errors import ScaleHosterError
from domain.values import TenantId
from infra.topic_admin import apply_topics
from infra.view_store import CassandraViewStore
from infra.web.positions import HEADER, to_header
from projections.views import apply_views
from tests.e2e.installation import READY_SECONDS, Installation
from tests.eventually import eventually
from tests.long_histories import Appender, categories_of, picture
from tests.servers import Servers

ROOT = Path(__file__).parents[2]
PICTURES, EVENTS_EACH = 300, 10
NOON = datetime.now(UTC).replace(hour=12, minute=0) - timedelta(days=20)
KILLED = 137

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def read_side(servers: Servers, tmp_path: Path) -> Iterator[Installation]:
    """The projections and the query API; the test itself appends events."""
    installation = Installation(servers, tmp_path, [])
    installation.environment["SCALEHOSTER_QUERY_API__WAIT_SECONDS"] = "30"
    installation.services = Services(tmp_path, installation.environment, (PROJECTIONS, QUERY_API))
    try:
        apply_topics(installation.kafka)
        apply_views(installation.cassandra)
        installation.services.start()
        ready = f"{installation.query_url}/readyz"
        eventually(lambda: answers_ok(ready), within_seconds=READY_SECONDS)
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

    def type(self, *words: str, ends: int = 0) -> Any:  # noqa: ANN401 - JSON
        """Give what a command printed, or the sentence that it was refused with."""
        done = CliRunner().invoke(app, ["rebuild", *words, "--json"], env=self._environment)
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
        return self._store.active_generations()["assets_by_date"]

    def standing(self, generation: int) -> dict[str, Any]:
        rows = self.type("status", "assets_by_date")
        return next(row for row in rows if row["number"] == generation)


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
        _, key = issue_now(installation.kafka, tenant_id, ("assets:read",), "test")
        self._client = httpx2.Client(
            base_url=installation.query_url, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        eventually(lambda: self._client.get("/v1/categories").status_code == 200)

    def append(self, number: int, now: datetime, events: int) -> str | None:
        made = list(picture(self._tenant_id, number, self._catalogue, now, events=events))
        position = self._appender.append(made)
        self.written.append(made[0].metadata.entity_id)
        if position is None:
            return None
        return to_header(f"{position.topic}:{position.partition}:{position.offset}")

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
            answer = self._client.get("/v1/assets?limit=10", headers={HEADER: position})
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


def everything_in_turn(read_side: Installation, traffic: Traffic, operator: Operator) -> None:
    for number in range(PICTURES):
        traffic.append(number, NOON + timedelta(hours=number), EVENTS_EACH)
    eventually(lambda: len(traffic.listed("/v1/assets")) == PICTURES, within_seconds=60)

    with traffic.going_on():
        (begun,) = operator.type("start", "assets_by_date", "--throttle", "100")
        assert (begun["number"], begun["state"]) == (2, "building")
        refused = operator.type("start", "assets_by_date", ends=1)
        assert "is being rebuilt as generation 2" in refused
        for goal, throttle in ((100, "100"), (300, "10")):
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

    assert traffic.wrong == []
    assert traffic.listings > 10
    assert len(traffic.written) > PICTURES + 10
    assert set(traffic.listed("/v1/assets")) == set(traffic.written)
