"""What operators asked for over HTTP, and what came of it; kept for seven days beside the views."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from infra.cassandra.session import CassandraSession, Row
from infra.settings import CassandraSettings
from read_models.view_reader import QueryRunner

TaskAction = Literal[
    "rebuild.start",
    "rebuild.pause",
    "rebuild.resume",
    "rebuild.throttle",
    "rebuild.cancel",
    "rebuild.compare",
    "rebuild.switch",
    "rebuild.rollback",
    "rebuild.drop",
    "consistency.check",
    "consistency.repair",
]
TASK_ACTIONS: tuple[TaskAction, ...] = get_args(TaskAction)
TaskState = Literal["asked", "running", "done", "refused", "failed"]
_ONE_TASK = "SELECT * FROM operator_requests WHERE request_id = ?"
_SILENT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceTask:
    """Something to be done about a view.

    ``refused``: it cannot be done now, ``detail`` says why. ``failed``: it went wrong on our side,
    or the process that carried it out died; some of it may have been done.
    """

    request_id: str
    action: TaskAction
    view: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    asked_at: datetime
    state: TaskState = "asked"
    seen_at: datetime | None = None
    detail: str = ""
    outcome: Any = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "refused", "failed")

    def is_silent(self, now: datetime) -> bool:
        """Whether somebody began to carry it out and was not heard of for long."""
        heard_at = self.seen_at or self.asked_at
        return self.state == "running" and now - heard_at > _SILENT


def open_maintenance_tasks(settings: CassandraSettings) -> "MaintenanceTasks":
    """Connect; raises StoreUnavailable, ViewsMissing. Close what is given."""
    return MaintenanceTasks(CassandraSession(settings, keyspace=settings.keyspace))


class MaintenanceTasks:
    """Requests in Cassandra; every method raises StoreUnavailable and ViewsMissing."""

    def __init__(self, cql: CassandraSession) -> None:
        self._cql = cql

    def close(self) -> None:
        """Let go of the connection."""
        self._cql.close()

    def ask(self, request: MaintenanceTask) -> None:
        """Keep a new request."""
        self._cql.execute(
            "INSERT INTO operator_requests (request_id, action, view_name, arguments, asked_at,"
            " state) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
            [
                request.request_id,
                request.action,
                request.view,
                json.dumps(dict(request.arguments)),
                request.asked_at,
                request.state,
            ],
        )

    def find(self, request_id: str) -> MaintenanceTask | None:
        """Give a request as it stands."""
        rows = self._cql.execute(_ONE_TASK, [request_id])
        return _task(rows[0]) if rows else None

    def open(self) -> list[MaintenanceTask]:
        """Give those that are not over, the oldest first."""
        found = [_task(row) for row in self._cql.execute("SELECT * FROM operator_requests")]
        return sorted((each for each in found if not each.is_over), key=lambda each: each.asked_at)

    def take(self, request: MaintenanceTask) -> bool:
        """Begin to carry it out; of two that try one gets False."""
        return self._applied(
            "UPDATE operator_requests SET state = 'running', seen_at = ? WHERE request_id = ?"
            " IF state = 'asked'",
            datetime.now(UTC),
            request.request_id,
        )

    def heartbeat(self, request_id: str) -> None:
        """Tell that it is still being carried out."""
        self._applied(
            "UPDATE operator_requests SET seen_at = ? WHERE request_id = ? IF state = 'running'",
            datetime.now(UTC),
            request_id,
        )

    def end(
        self, request_id: str, state: TaskState, detail: str = "", outcome: object = None
    ) -> None:
        """Keep what came of it, unless it is over."""
        self._applied(
            "UPDATE operator_requests SET state = ?, detail = ?, outcome = ? WHERE request_id = ?"
            " IF state = 'running'",
            state,
            detail,
            json.dumps(outcome, default=str),
            request_id,
        )

    def _applied(self, statement: str, *parameters: object) -> bool:
        (answer,) = self._cql.execute(statement, parameters)
        return bool(answer["[applied]"])


async def find_maintenance_task(cql: QueryRunner, request_id: str) -> MaintenanceTask | None:
    """Find what an operator asked for in the last seven days."""
    rows = await cql.select(_ONE_TASK, (request_id,))
    return _task(rows[0]) if rows else None


def _task(row: Row) -> MaintenanceTask:
    """Read a row."""
    return MaintenanceTask(
        request_id=row["request_id"],
        action=row["action"],
        view=row["view_name"],
        arguments=json.loads(row["arguments"]),
        asked_at=row["asked_at"].replace(tzinfo=UTC),
        state=row["state"],
        seen_at=row["seen_at"].replace(tzinfo=UTC) if row["seen_at"] else None,
        detail=row["detail"] or "",
        outcome=json.loads(row["outcome"]) if row["outcome"] else None,
    )
