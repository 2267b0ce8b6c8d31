"""The retry policy of work: when it is tried again, and which retry topic holds it until then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.kafka.topics import Topic

SPREAD = 0.2  # of each delay, either way: work that failed together comes back one by one
_LONGEST_RETRY_AFTER_SECONDS = 3_600.0  # a server may ask for a year


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryTopic:
    """A topic that holds work back, none of it for longer than ``longest_seconds``.

    Work that waits for less than ``shortest_seconds`` is not sent there, since each partition is
    left in order and its head may keep what is behind it for as long as that.
    """

    topic: Topic
    shortest_seconds: float
    longest_seconds: float

    def due_at(self, held_since: datetime, not_before: datetime | None) -> datetime:
        """Return when work leaves this topic; what has to wait for longer goes round again."""
        leaves_at = held_since + timedelta(seconds=self.longest_seconds)
        return min(not_before or held_since, leaves_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often work is tried, and where it waits between its attempts.

    ``delays`` are the seconds that follow each failed attempt; the last attempt has none.
    ``retry_topics`` come with the shortest first. ``jitter`` is a random number from 0 to 1.
    """

    work_topic: Topic
    retry_topics: Sequence[RetryTopic]
    delays: Sequence[float]

    def retry_at(
        self, failures: int, retry_after_seconds: float | None, now: datetime, jitter: float
    ) -> datetime | None:
        """Return when work is tried again that just failed after so many failures; None for never.

        A server's Retry-After is a lower bound, up to an hour.
        """
        if failures >= len(self.delays):
            return None
        delay = self.delays[failures] * (1 - SPREAD + 2 * SPREAD * jitter)
        retry_after = min(retry_after_seconds or 0.0, _LONGEST_RETRY_AFTER_SECONDS)
        return now + timedelta(seconds=max(delay, retry_after))

    def postponed_until(self, now: datetime, jitter: float) -> datetime:
        """Return when work is tried that could not be tried now; that is no failed attempt."""
        first = self.retry_topics[0]
        spread = first.longest_seconds - first.shortest_seconds
        return now + timedelta(seconds=first.shortest_seconds + spread * jitter)

    def next_topic(self, not_before: datetime | None, now: datetime) -> Topic:
        """Return where work goes: to be worked on if it is due, else to a retry topic."""
        if not_before is None or not_before <= now:
            return self.work_topic
        return self.retry_topic(not_before, now)

    def retry_topic(self, not_before: datetime, now: datetime) -> Topic:
        """Return the retry topic of the longest delay that work may wait for, or the first one."""
        wait = not_before - now
        fitting = [
            each.topic
            for each in self.retry_topics
            if timedelta(seconds=each.shortest_seconds) <= wait
        ]
        return fitting[-1] if fitting else self.retry_topics[0].topic
