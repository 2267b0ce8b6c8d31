"""Requests of operators in memory."""

from collections.abc import Callable
from dataclasses import replace

from read_models.maintenance_tasks import MaintenanceTask, TaskState


class MemoryRequestBook:
    """Keeps requests; ``carry_out`` is what happens to each as soon as it is looked for."""

    def __init__(self) -> None:
        self.kept: dict[str, MaintenanceTask] = {}
        self.carry_out: Callable[[MaintenanceTask], MaintenanceTask] = lambda asked: replace(
            asked, state="done", outcome={"view": asked.view}
        )
        self.beats = 0

    def ask(self, request: MaintenanceTask) -> None:
        self.kept.setdefault(request.request_id, request)

    def find(self, request_id: str) -> MaintenanceTask | None:
        asked = self.kept.get(request_id)
        return asked and self.carry_out(asked)

    def open(self) -> list[MaintenanceTask]:
        return [each for each in self.kept.values() if not each.is_over]

    def take(self, request: MaintenanceTask) -> bool:
        is_free = self.kept[request.request_id].state == "asked"
        if is_free:
            self.kept[request.request_id] = replace(request, state="running")
        return is_free

    def heartbeat(self, request_id: str) -> None:
        self.beats += request_id in self.kept

    def end(
        self, request_id: str, state: TaskState, detail: str = "", outcome: object = None
    ) -> None:
        kept = self.kept[request_id]
        self.kept[request_id] = replace(kept, state=state, detail=detail, outcome=outcome)

    def close(self) -> None:
        """Nothing was opened."""
