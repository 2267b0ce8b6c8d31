"""What the operator's ledger cannot carry out is buried or set aside, and the line goes on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from avro_schemas.codec import decode, encode
from domain.bulk_operation import decide as decide_operation
from domain.bulk_operation.commands import OperationCommand, PauseOperation, StartOperation
from domain.bulk_operation.events import OperationEvent
from domain.bulk_operation.progress import selection_events
from domain.dead_letter import DeadLetter
from domain.outcomes import CommandRefused
from infra.errors import BrokerUnavailable
from infra.kafka.topics import (
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    COMMANDS_DEAD_LETTERS,
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
)
from streams.bulk_operations import operation_model
from streams.bulk_operations.operation_decider import OperationDecider
from tests.support.bulk_operations import ANY, in_category, instructions, start
from tests.support.fakes.memory_kafka import KAFKA, MemoryKafka
from tests.support.samples import ACME, NOON, metadata

BAD = "operation-poison"


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> MemoryKafka:
    kafka = MemoryKafka()
    kafka.stand_in(monkeypatch)
    return kafka


@pytest.fixture
def decider(kafka: MemoryKafka) -> Iterator[OperationDecider]:
    del kafka  # stands behind it
    decider = OperationDecider(KAFKA, "test", lambda: NOON)
    yield decider
    decider.close()


def wish(operation_id: str, category: str | None = None) -> StartOperation:
    about = metadata(operation_id, reply_partition=0, fingerprint=operation_id)
    which = in_category(category) if category else ANY
    return start(instructions("delete"), which, about=about)


def run(kafka: MemoryKafka, decider: OperationDecider, *commands: OperationCommand) -> None:
    """Send commands and decide them, beginning anew after trouble, as the operator does."""
    for command in commands:
        kafka.append(OPERATION_COMMANDS, encode(command), key=ACME)
    stopping, decider.must_recover = kafka.until_idle(), True
    while not stopping.is_set():
        try:
            decider.step(0)
        except BrokerUnavailable:
            decider.must_recover = True


def letters(kafka: MemoryKafka) -> list[str]:
    found = map(decode, kafka.values(COMMANDS_DEAD_LETTERS))
    return [each.code for each in found if isinstance(each, DeadLetter)]


def begun(kafka: MemoryKafka) -> list[str]:
    found = (decode(each) for each in kafka.values(OPERATION_EVENTS) if each != b"junk")
    return [each.metadata.entity_id for each in found if isinstance(each, OperationEvent)]


def problems(kafka: MemoryKafka) -> list[str]:
    found = map(decode, kafka.values(COMMAND_RESULTS))
    return [each.problem for each in found if isinstance(each, CommandRefused)]


def rule_fails(_kafka: MemoryKafka, patch: pytest.MonkeyPatch) -> None:
    real = decide_operation

    def decide(command: OperationCommand, *rest: Any) -> list[OperationEvent]:  # noqa: ANN401 - handed on
        if command.metadata.entity_id == BAD:
            raise ZeroDivisionError("a rule of ours")
        return real(command, *rest)

    patch.setattr(operation_model, "decide", decide)


def broker_refuses(kafka: MemoryKafka, _patch: pytest.MonkeyPatch) -> None:
    kafka.refuses = lambda topic, value: topic == "operation-events" and BAD.encode() in value


@pytest.mark.parametrize(
    ("make", "code"), [(rule_fails, "decider_failed"), (broker_refuses, "not_written")]
)
def test_a_command_that_can_neither_be_carried_out_nor_refused_is_buried(
    kafka: MemoryKafka,
    decider: OperationDecider,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[MemoryKafka, pytest.MonkeyPatch], None],
    code: str,
) -> None:
    make(kafka, monkeypatch)
    kafka.append(OPERATION_COMMANDS, b"junk", key=ACME)
    run(kafka, decider, wish("first"), wish(BAD), wish("last"))

    assert sorted(letters(kafka)) == sorted(["undecodable", code])
    assert begun(kafka) == ["first", "last"]
    assert problems(kafka) == ["CommandCannotBeDecided"]
    assert kafka.committed[OPERATION_COMMANDS.name, 0] == 4


def test_a_note_that_can_never_be_written_stops_its_operation_only(
    kafka: MemoryKafka, decider: OperationDecider
) -> None:
    run(kafka, decider, wish(BAD), wish("good"))
    kafka.refuses = lambda topic, value: topic == "operation-events" and BAD.encode() in value
    for tracked in decider.under_way():
        events = selection_events(tracked.operation, ["a"], after="", is_last=True, now=NOON)
        try:
            decider.note(tracked, events)
        except BrokerUnavailable:
            run(kafka, decider)
    assert [each.operation.operation_id for each in decider.under_way()] == ["good"]


@pytest.mark.parametrize("value", [b"junk", None], ids=["unreadable", "repeated"])
def test_an_operation_whose_history_is_broken_is_set_aside(
    kafka: MemoryKafka, decider: OperationDecider, value: bytes | None
) -> None:
    run(kafka, decider, wish(BAD), wish("good"))
    kafka.append(OPERATION_EVENTS, value or kafka.values(OPERATION_EVENTS)[0], key=BAD)
    about = [metadata(each, reply_partition=0) for each in (BAD, "good")]
    run(kafka, decider, *(PauseOperation(metadata=each) for each in about))

    assert letters(kafka) == ["history_broken"]
    assert begun(kafka)[-1] == "good"
    states = {each.operation.operation_id: each.operation.state for each in decider.under_way()}
    assert states == {"good": "paused"}


def test_a_tenant_whose_categories_are_broken_may_do_what_needs_none(
    kafka: MemoryKafka, decider: OperationDecider
) -> None:
    kafka.append(CATEGORY_EVENTS, b"junk", key=ACME)
    run(kafka, decider, wish(BAD, category="cats"), wish("good"))

    assert letters(kafka) == ["history_broken"]
    assert begun(kafka) == ["good"]
