"""The pace of an operation: items a second, in rounds of about half a second."""

from dataclasses import dataclass

_ROUND_SECONDS = 0.5
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 30.0
_MEASURED_SECONDS = 5.0


@dataclass(slots=True, kw_only=True)
class OperationPace:
    """When an operation may go on, and how fast it went of late; times are a clock's seconds."""

    next_at: float
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    measured_since: float = 0.0
    measured_items: int = 0
    per_minute: int = 0

    def record_batch(self, items: int, per_second: int, began_at: float, now: float) -> None:
        """Note that a round of so many items was done."""
        self.next_at = max(began_at + items / per_second, self.next_at)
        self.pause_seconds = _FIRST_PAUSE_SECONDS
        if not self.measured_items:
            self.measured_since = began_at
        self.measured_items += items
        seconds = max(now, self.next_at) - self.measured_since
        if seconds > 0:
            self.per_minute = round(60 * self.measured_items / seconds)
        if seconds > _MEASURED_SECONDS:
            self.measured_items = 0

    def back_off(self, now: float) -> None:
        """Wait a moment, longer each time in a row."""
        self.next_at = now + self.pause_seconds
        self.pause_seconds = min(2 * self.pause_seconds, _LONGEST_PAUSE_SECONDS)


def batch_size(per_second: int, at_most: int) -> int:
    """Say how many items make one round."""
    return max(1, min(at_most, round(per_second * _ROUND_SECONDS)))
