"""Every command that a bulk operation takes."""

from dataclasses import dataclass

from domain.bulk_operation.values import Filter, Instructions
from domain.commands import Command
from domain.values import OperationId


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOperation(Command):
    """Do the same to many assets, as one operation."""

    filter: Filter
    instructions: Instructions
    per_second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertOperation(Command):
    """Take back what an operation that ended changed; this is an operation itself."""

    reverts: OperationId
    per_second: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseOperation(Command):
    """Hold an operation where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOperation(Command):
    """Go on with a paused operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOperation(Command):
    """End an operation early; what it changed stays changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleOperation(Command):
    """Let an operation change at most so many assets a second."""

    per_second: int


OperationCommand = (
    StartOperation
    | RevertOperation
    | PauseOperation
    | ResumeOperation
    | CancelOperation
    | ThrottleOperation
)
