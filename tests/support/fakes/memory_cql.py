"""Which generation of a view is read, and how far it is built, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.cassandra.session import Row


@dataclass
class MemoryCql:
    """Answers what readers of views ask before they read: every view stands as said here.

    ``checkpoints`` are pairs of target and applied offset, None for what was never written.
    ``rows`` are what any other query finds; ``asked`` are those queries.
    """

    generation: int | None = 1
    checkpoints: list[tuple[int | None, int | None]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        """Give what is said to stand there."""
        if "FROM active_generation" in statement:
            views = parameters[0] if isinstance(parameters[0], list) else []
            if self.generation is None:
                return []
            return [{"view_name": view, "generation": self.generation} for view in views]
        if "FROM projection_state" in statement:
            of = parameters[0] if isinstance(parameters[0], list) else [parameters[0]]
            return [
                {
                    "view_name": view,
                    "generation": self.generation,
                    "partition": number,
                    "target": target,
                    "applied_offset": applied,
                }
                for view in of
                for number, (target, applied) in enumerate(self.checkpoints)
            ]
        self.asked.append(statement)
        return list(self.rows)
