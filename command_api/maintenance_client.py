"""The maintenance client: stores an operator's task, and waits for its outcome."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol

from starlette.responses import Response

from command_api.responses.json_response import json_response
from command_api.responses.maintenance_responses import MaintenanceTaskAnswer
from domain.errors import Conflict
from infra.http.errors import Unavailable
from read_models.maintenance_tasks import MaintenanceTask, TaskAction

_PAUSE_SECONDS = 0.2


class OperationRefused(Conflict):
    """The operation cannot be carried out now; the detail says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class OperationFailed(Unavailable):
    """The operation was begun and went wrong; some of it may have been done."""


class MaintenanceTaskStore(Protocol):
    """Where requests are kept: read_models.maintenance_tasks.MaintenanceTasks."""

    def ask(self, request: MaintenanceTask) -> None:
        """Keep a new request."""

    def find(self, request_id: str) -> MaintenanceTask | None:
        """Give a request as it stands."""

    def close(self) -> None:
        """Let go of the connection."""


class MaintenanceClient:
    """Asks for operations; ``open_task_store`` connects, for nobody else here needs Cassandra."""

    def __init__(
        self,
        open_task_store: Callable[[], MaintenanceTaskStore],
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        query_base_url: str,
    ) -> None:
        self._open_task_store = open_task_store
        self._now = now
        self._new_id = new_id
        self._requests = f"{query_base_url.rstrip('/')}/v1/admin/requests/"

    async def answer(
        self, action: TaskAction, view: str, arguments: Mapping[str, Any], wait_seconds: float
    ) -> Response:
        """Answer 200 with what came of it, or 202 when that takes longer than the client waits.

        Raises OperationRefused, OperationFailed, StoreUnavailable, ViewsMissing. What was kept is
        carried out, whether somebody waits or not.
        """
        request = MaintenanceTask(
            request_id=self._new_id(),
            action=action,
            view=view,
            arguments=arguments,
            asked_at=self._now(),
        )
        task_store = await asyncio.to_thread(self._open_task_store)
        try:
            await asyncio.to_thread(task_store.ask, request)
            found = await self._ended(task_store, request, wait_seconds)
        finally:
            await asyncio.to_thread(task_store.close)
        if found.state == "refused":
            raise OperationRefused(found.detail)
        if found.state == "failed":
            raise OperationFailed(found.detail, members={"request_id": found.request_id})
        where = f"{self._requests}{found.request_id}"
        status = HTTPStatus.OK if found.is_over else HTTPStatus.ACCEPTED
        answer = MaintenanceTaskAnswer(
            request_id=found.request_id,
            action=found.action,
            view=found.view,
            state=found.state,
            outcome=found.outcome,
        )
        return json_response(answer, status, {"Location": where})

    async def _ended(
        self, task_store: MaintenanceTaskStore, request: MaintenanceTask, wait_seconds: float
    ) -> MaintenanceTask:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_seconds
        found = request
        while not found.is_over and loop.time() < until:
            await asyncio.sleep(_PAUSE_SECONDS)
            found = await asyncio.to_thread(lambda: task_store.find(request.request_id) or request)
        return found
