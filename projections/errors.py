"""Errors that stop a projection, because going on would make the views wrong.

ProjectionStopped
├── HistoryHasGap      an event of an entity is missing in the log
└── EventsLost         the log no longer has what a view has still to read, or never had it
"""

from domain.errors import ScaleHosterError


class ProjectionStopped(ScaleHosterError):
    """Going on would make the views wrong."""


class HistoryHasGap(ProjectionStopped):
    """An event of an entity is missing in the log."""


class EventsLost(ProjectionStopped):
    """The log and the checkpoints do not belong together."""
