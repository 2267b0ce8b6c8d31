"""The live feed: every event of the tenant once, whenever a client comes and goes."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from threading import Thread
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from avro_schemas.errors import KeysLost
from domain.values import TenantId
from infra.encryption import new_keyring
from infra.errors import Overloaded
from infra.http.errors import NotReady
from query_api.errors import FeedPlaceRefused, TooManyListeners
from query_api.feed.feed import FeedRequest
from query_api.feed.listeners import Listeners
from query_api.feed.resume_tokens import ResumeTokens
from tests.support.fakes.memory_log import MemoryEventLog
from tests.support.keyrings import using_encryptor
from tests.support.samples import ACME, NOON
from tests.support.server_sent_events import pieces
from tests.support.story import GLOBEX

Result = TypeVar("Result")


def run(story: Coroutine[None, None, Result]) -> Result:
    """Run a story that may take ten seconds, of which it needs a few hundredths."""

    async def in_time() -> Result:
        async with asyncio.timeout(10):
            return await story

    return asyncio.run(in_time())


class Client:
    """Follows the feed of one tenant, and remembers the last id as a browser does."""

    def __init__(self, log: MemoryEventLog, tenant_id: TenantId = ACME) -> None:
        self.log = log
        self.tenant_id = tenant_id
        self.last_id: str | None = None
        self.seen: list[str] = []
        self.is_welcome = True

    async def follow(
        self,
        meanwhile: Callable[[], object] = lambda: None,
        *,
        events: int | None = None,
        seconds: float | None = None,
        since: datetime | None = None,
    ) -> None:
        """Listen until so many events came, or without a number only to what it missed."""
        feed = self.log.feed
        with self.log.listeners.join(self.tenant_id) as listener:
            after = (
                feed.resume_tokens.decode(self.last_id, self.tenant_id) if self.last_id else None
            )
            if since is not None:
                after = await feed.since(since)
            feed_request = FeedRequest(
                after=after or listener.joined_at,
                since=since,
                seconds=0 if events is None else seconds,
            )
            meanwhile()
            stream = feed.stream(self.tenant_id, listener, feed_request, lambda: self.is_welcome)
            async with aclosing(stream):
                await self._read(stream, events)

    async def _read(self, stream: AsyncGenerator[bytes], events: int | None) -> None:
        async for text in stream:
            (piece,) = pieces(text.decode().splitlines())
            self.last_id = piece.id
            if piece.data is not None:
                self.seen.append(piece.event_id)
                if events is not None and len(self.seen) >= events:
                    return


def test_what_happens_is_told_and_nothing_from_before() -> None:
    log = MemoryEventLog()
    log.append()
    client = Client(log)
    run(client.follow(lambda: [log.append() for _ in range(5)], events=5))
    assert client.seen == ["e-1", "e-2", "e-3", "e-4", "e-5"]


def test_others_are_not_told() -> None:
    log = MemoryEventLog()
    ours, theirs = Client(log), Client(log, GLOBEX)

    def happen() -> None:
        log.append(GLOBEX)
        log.append(ACME)

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(theirs.follow(events=1))
            group.create_task(ours.follow(happen, events=1))

    run(both())
    assert (ours.seen, theirs.seen) == (["e-1"], ["e-0"])


def test_a_client_that_comes_back_is_told_what_it_missed_and_nothing_twice() -> None:
    log = MemoryEventLog()
    client = Client(log)
    run(client.follow(lambda: [log.append() for _ in range(4)], events=2))
    for _ in range(10):
        log.append()
    run(client.follow(log.append, events=15))
    assert sorted(client.seen) == sorted(f"e-{number}" for number in range(15))
    assert len(client.seen) == 15


@given(
    steps=st.lists(
        st.tuples(
            st.lists(st.booleans(), max_size=6),
            st.lists(st.booleans(), max_size=6),
            st.integers(0, 9),
        ),
        max_size=6,
    )
)
def test_however_a_client_comes_and_goes_it_sees_each_event_once(
    steps: list[tuple[list[bool], list[bool], int]],
) -> None:
    """In each step some happen while it is away, some while it listens; it may leave early."""
    log = MemoryEventLog()
    client, expected = Client(log), set[str]()

    def happen(ours: list[bool]) -> None:
        for is_ours in ours:
            event = log.append(ACME if is_ours else GLOBEX)
            if is_ours:
                expected.add(event.metadata.event_id)

    run(client.follow())
    for away, listening, stays_for in steps:
        happen(away)
        leaves_at = len(client.seen) + stays_for
        run(client.follow(partial(happen, listening), events=leaves_at, seconds=0.002))
    run(client.follow())
    assert sorted(client.seen) == sorted(expected)


def test_a_feed_may_begin_at_any_moment_of_history() -> None:
    log = MemoryEventLog()
    for _ in range(60):
        log.append()
    client = Client(log)
    run(client.follow(since=NOON + timedelta(minutes=55)))
    assert sorted(client.seen) == ["e-55", "e-56", "e-57", "e-58", "e-59"]
    assert log.opened == [{0: 15, 1: 15, 2: 15}]


def test_events_of_a_thread_reach_a_listener() -> None:
    log = MemoryEventLog()
    client = Client(log)
    thread = Thread(target=lambda: [log.append() for _ in range(100)])
    run(client.follow(thread.start, events=100))
    thread.join()
    assert len(set(client.seen)) == 100


def test_one_who_takes_less_than_happens_is_let_go_and_misses_nothing_in_the_end() -> None:
    log = MemoryEventLog()
    client = Client(log)
    run(client.follow(lambda: [log.append() for _ in range(1_000)], events=1_000))
    assert len(client.seen) == 256
    run(client.follow())
    assert len(set(client.seen)) == len(client.seen) == 1_000


def test_nothing_is_handed_to_a_listener_behind_what_it_could_not_take() -> None:
    log = MemoryEventLog()

    async def listen() -> list[int]:
        with log.listeners.join(ACME) as listener:
            for _ in range(300):
                log.append()
            taken = [await listener.next(1) for _ in range(10)]
            for _ in range(5):
                log.append()
            await asyncio.sleep(0)  # they are offered now
            while not listener.is_over:
                taken.append(await listener.next(1))
        return [len(taken), sum(each is None for each in taken)]

    assert run(listen()) == [256, 0]


def test_an_instance_that_is_behind_another_repeats_nothing() -> None:
    log = MemoryEventLog()
    client = Client(log)
    client.last_id = log.feed.resume_tokens.encode({0: 2, 1: 1, 2: 1}, ACME)
    run(client.follow(lambda: [log.append() for _ in range(6)], events=2))
    assert client.seen == ["e-4", "e-5"]


def test_a_quiet_feed_moves_on_with_the_log() -> None:
    log = MemoryEventLog()
    client = Client(log)
    for _ in range(30):
        log.append(GLOBEX)

    async def listen() -> None:
        follow = asyncio.create_task(client.follow(log.append, events=2))
        first = None
        while first is None or client.last_id == first:
            await asyncio.sleep(0.01)
            first = first or client.last_id
            log.append(GLOBEX)
        log.append()
        await follow

    run(listen())
    assert client.last_id is not None
    assert len(client.seen) == 2


def test_a_feed_ends_when_its_key_is_revoked_or_the_service_stops() -> None:
    client = Client(MemoryEventLog())

    def turn_out() -> None:
        client.is_welcome = False

    run(client.follow(turn_out, events=1))
    assert client.seen == []


def test_there_are_only_so_many_places() -> None:
    log = MemoryEventLog(at_most=6, per_tenant=3)

    async def crowd() -> None:
        with (
            log.listeners.join(ACME),
            log.listeners.join(ACME),
            log.listeners.join(ACME),
        ):
            with pytest.raises(TooManyListeners), log.listeners.join(ACME):
                pass
            with log.listeners.join(GLOBEX), log.listeners.join(GLOBEX):
                with pytest.raises(Overloaded), log.listeners.join(GLOBEX):
                    pass  # it has as many as are free
                with (
                    log.listeners.join(TenantId("third")),
                    pytest.raises(Overloaded),
                    log.listeners.join(TenantId("fourth")),
                ):
                    pass
        with log.listeners.join(ACME):
            pass

    run(crowd())


def test_nobody_listens_before_the_log_is_read() -> None:
    async def early() -> None:
        with pytest.raises(NotReady), Listeners(at_most=1, per_tenant=1).join(ACME):
            pass

    run(early())


def test_an_id_is_of_one_tenant_and_cannot_be_made_up() -> None:
    resume_tokens = ResumeTokens(["today", "yesterday"], 3)
    place = resume_tokens.encode({0: 1, 1: 2, 2: 3}, ACME)
    assert resume_tokens.decode(place, ACME) == {0: 1, 1: 2, 2: 3}
    assert ResumeTokens(["tomorrow", "today"], 3).decode(place, ACME) == {0: 1, 1: 2, 2: 3}
    restored = ResumeTokens(["today"], 3, "another log")
    for other, tenant_id in (
        (resume_tokens, GLOBEX),
        (ResumeTokens(["other"], 3), ACME),
        (restored, ACME),
    ):
        with pytest.raises(FeedPlaceRefused):
            other.decode(place, tenant_id)
    for forged in ("", "nonsense", place[:-1], place + "A", "é"):
        with pytest.raises(FeedPlaceRefused):
            resume_tokens.decode(forged, ACME)


def test_over_http_it_is_server_sent_events(client: TestClient, event_log: MemoryEventLog) -> None:
    answer = client.get("/v1/events", headers={"Prefer": "wait=0"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    (place,) = pieces(answer.text.splitlines())
    event = event_log.append()
    again = client.get("/v1/events", headers={"Prefer": "wait=0", "Last-Event-ID": place.id})
    (told,) = [piece for piece in pieces(again.text.splitlines()) if piece.data]
    assert told.type == "asset.submitted"
    assert told.event_id == event.metadata.event_id
    everything = client.get("/v1/events?from=2026-11-23", headers={"Prefer": "wait=0"})
    assert [piece.event_id for piece in pieces(everything.text.splitlines()) if piece.data] == [
        "e-0"
    ]


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"Last-Event-ID": "made-up"}, "", 400),
        ({}, "?from=yesterday", 422),
    ],
)
def test_what_makes_no_sense_is_a_problem(
    client: TestClient, headers: dict[str, str], query: str, status: int
) -> None:
    answer = client.get(f"/v1/events{query}", headers={"Prefer": "wait=0"} | headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"]


def test_what_happens_while_the_keys_are_away_is_told_when_they_are_back() -> None:
    log = MemoryEventLog()
    client = Client(log)

    def happen() -> None:
        log.append(is_heard=False)
        with using_encryptor(new_keyring()), pytest.raises(KeysLost):
            log.listeners.take(log.records[0][0])
        assert log.listeners.offsets[0] == 0
        log.listeners.take(log.records[0][0])
        log.append()

    run(client.follow(happen, events=2))
    assert client.seen == ["e-0", "e-1"]


def test_a_feed_ends_before_what_it_missed_while_the_keys_are_away() -> None:
    log = MemoryEventLog()
    client = Client(log)
    for _ in range(6):
        log.append()
    client.last_id = log.feed.resume_tokens.encode(dict.fromkeys(range(3), 0), ACME)
    with using_encryptor(new_keyring()):
        run(client.follow())
    assert client.seen == []
    run(client.follow())
    assert sorted(client.seen) == [f"e-{number}" for number in range(6)]
