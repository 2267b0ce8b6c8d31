"""A bulk operation: many assets changed for one reason, with a report and a way back.

running ⇄ paused → completed | failed | cancelled. While it runs its assets are first selected, then
settled one after the other, in the order they were selected.
"""

from domain.bulk_operation.decider import decide
from domain.bulk_operation.state import Operation, evolve, replay

__all__ = ["Operation", "decide", "evolve", "replay"]
