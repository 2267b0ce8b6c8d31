"""What no decider can carry out is buried with its reason, and the line goes on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from avro_schemas.codec import decode, encode
from command_api.decider import command_batch
from command_api.decider.decider import new_decider
from command_api.decider.folded_state import FoldedState
from domain import asset as assets
from domain import category as catalogues
from domain.asset.commands import DescribeAsset, SubmitAsset
from domain.asset.discarded_blobs import BlobsDiscarded
from domain.asset.events import AssetEvent, AssetSubmitted
from domain.category.commands import CatalogueCommand
from domain.category.events import CatalogueEvent
from domain.commands import Command
from domain.dead_letter import DeadLetter
from domain.events import Event
from domain.outcomes import CommandAccepted, CommandRefused, Outcome
from infra.errors import RecordRefused
from infra.kafka.partition_reader import Record
from infra.kafka.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    COMMANDS_DEAD_LETTERS,
    Topic,
)
from tests.support.fakes.memory_kafka import KAFKA, MemoryKafka
from tests.support.samples import ACME, NOON, create_category, metadata, submit

TREE = reduce(
    catalogues.evolve,
    catalogues.decide(create_category("cats"), catalogues.EMPTY_CATALOGUE, NOON),
    catalogues.EMPTY_CATALOGUE,
)
GOOD = "0190b6f0-0000-7000-8000-00000000000"
BAD = "0190b6f0-0000-7000-8000-0000000000ff"


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> MemoryKafka:
    kafka = MemoryKafka()
    kafka.stand_in(monkeypatch)
    return kafka


class Process:
    """A decider that is run whenever there is something to be decided."""

    def __init__(self, kafka: MemoryKafka, directory: Path) -> None:
        self._kafka = kafka
        self._directory = directory
        self._start()

    def _start(self) -> None:
        self._state = FoldedState(self._directory, "memory")
        self._decider = new_decider(KAFKA, self._state, "test", lambda: NOON)

    def restart(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        self._decider.close()
        self._state.close()

    def decide(self, *commands: Command, partition: int = 0) -> None:
        """Send commands and decide them; each that is about ACME is about categories."""
        for command in commands:
            topic = CATEGORY_COMMANDS if command.metadata.entity_id == ACME else ASSET_COMMANDS
            key = command.metadata.entity_id
            self._kafka.append(topic, encode(command), partition=partition, key=key)  # type: ignore[arg-type] # every command is a message
        self.run()

    def run(self) -> None:
        self._decider.run(self._kafka.until_idle())


@pytest.fixture
def decider(kafka: MemoryKafka, tmp_path: Path) -> Iterator[Process]:
    process = Process(kafka, tmp_path)
    process.decide(create_category("cats"))
    yield process
    process.close()


def asked(asset_id: str, title: str = "A cat") -> SubmitAsset:
    command = submit(metadata(asset_id, reply_partition=1, fingerprint="f", key=asset_id), "cats")
    return replace(command, description=replace(command.description, title=title))


def letters(kafka: MemoryKafka) -> list[DeadLetter]:
    return [
        each
        for each in map(decode, kafka.values(COMMANDS_DEAD_LETTERS))
        if isinstance(each, DeadLetter)
    ]


def submitted(kafka: MemoryKafka) -> list[str]:
    return [
        event.asset_id
        for event in map(decode, kafka.values(ASSET_EVENTS))
        if isinstance(event, AssetSubmitted)
    ]


def told(kafka: MemoryKafka, asset_id: str) -> list[str]:
    answers = [
        each
        for each in map(decode, kafka.values(COMMAND_RESULTS))
        if isinstance(each, CommandAccepted | CommandRefused) and each.entity_id == asset_id
    ]
    return ["accepted" if isinstance(each, CommandAccepted) else each.problem for each in answers]


def rule_fails(_kafka: MemoryKafka, patch: pytest.MonkeyPatch) -> None:
    real = assets.decide

    def decide(command: Command, *rest: object) -> list[AssetEvent]:
        if command.metadata.entity_id == BAD:
            raise ZeroDivisionError("a rule of ours")
        return real(command, *rest)  # type: ignore[arg-type] # handed on

    patch.setattr("command_api.decider.command_batch.assets.decide", decide)


def event_is_too_large(_kafka: MemoryKafka, patch: pytest.MonkeyPatch) -> None:
    def require_writable(_topic: Topic, _key: str, value: bytes) -> None:
        if is_poison(value):
            raise RecordRefused("larger than asset-events takes")

    patch.setattr(command_batch, "require_writable", require_writable)


def event_cannot_be_spelled(_kafka: MemoryKafka, patch: pytest.MonkeyPatch) -> None:
    def spell(event: AssetEvent | Outcome) -> bytes:
        if isinstance(event, Event) and event.metadata.entity_id == BAD:
            raise OverflowError("an integer beyond 64 bits")
        return encode(event)

    patch.setattr(command_batch, "encode", spell)


def is_poison(value: bytes) -> bool:
    """Look for the word, which is sealed, in a message and in the one that it wraps."""
    message = decode(value)
    return (
        is_poison(message.value) if isinstance(message, DeadLetter) else "poison" in repr(message)
    )


def last_step_fails(_kafka: MemoryKafka, patch: pytest.MonkeyPatch) -> None:
    def unused(command: Command, _is_held: object) -> list[BlobsDiscarded]:
        return fail() if command.metadata.entity_id == BAD else []

    def fail() -> Any:  # noqa: ANN401 - never returns
        raise ZeroDivisionError("after its events were decided")

    patch.setattr(command_batch, "discards_of_command", unused)


def broker_refuses(topic: str) -> Callable[[MemoryKafka, pytest.MonkeyPatch], None]:
    def refuse(kafka: MemoryKafka, _patch: pytest.MonkeyPatch) -> None:
        kafka.refuses = lambda name, value: name == topic and is_poison(value)

    return refuse


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(rule_fails, "decider_failed", id="rule fails"),
        pytest.param(event_is_too_large, "not_written", id="event too large"),
        pytest.param(event_cannot_be_spelled, "decider_failed", id="event cannot be spelled"),
        pytest.param(last_step_fails, "decider_failed", id="last step fails"),
        pytest.param(broker_refuses("asset-events"), "not_written", id="broker refuses event"),
    ],
)
def test_a_command_that_can_neither_be_carried_out_nor_refused_is_buried(
    kafka: MemoryKafka,
    decider: Process,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[MemoryKafka, pytest.MonkeyPatch], None],
    code: str,
) -> None:
    make(kafka, monkeypatch)
    poison = asked(BAD, title="poison")
    decider.decide(asked(f"{GOOD}1"), poison, asked(f"{GOOD}2"))
    decider.decide(asked(f"{GOOD}3"))

    assert [letter.code for letter in letters(kafka)] == [code]
    assert letters(kafka)[0].offset == 1
    assert submitted(kafka) == [f"{GOOD}{n}" for n in (1, 2, 3)]
    assert told(kafka, BAD) == ["CommandCannotBeDecided"]
    assert told(kafka, f"{GOOD}2") == ["accepted"]
    assert kafka.committed[ASSET_COMMANDS.name, 0] == 4


def test_a_wish_about_categories_that_cannot_be_decided_is_buried(
    kafka: MemoryKafka, decider: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = catalogues.decide

    def decide(command: CatalogueCommand, *rest: Any) -> list[CatalogueEvent]:  # noqa: ANN401 - handed on
        if getattr(command, "slug", "") == "poison":
            raise ZeroDivisionError("a rule of ours")
        return real(command, *rest)

    monkeypatch.setattr("command_api.decider.command_batch.catalogues.decide", decide)
    about = metadata(ACME, reply_partition=1)
    decider.decide(create_category("poison", about=about), create_category("dogs"))

    assert [letter.code for letter in letters(kafka)] == ["decider_failed"]
    assert told(kafka, ACME) == ["CommandCannotBeDecided"]
    assert len(kafka.values(CATEGORY_EVENTS)) == 2


def test_what_was_buried_left_nothing_behind_and_takes_effect_when_it_is_sent_again(
    kafka: MemoryKafka, decider: Process
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        last_step_fails(kafka, patch)
        decider.decide(asked(f"{GOOD}1"), asked(BAD))
    decider.decide(asked(BAD))

    assert submitted(kafka) == [f"{GOOD}1", BAD]
    assert told(kafka, BAD) == ["CommandCannotBeDecided", "accepted"]


def test_a_letter_that_the_broker_does_not_take_either_is_left_out(
    kafka: MemoryKafka, decider: Process
) -> None:
    kafka.refuses = lambda _topic, value: is_poison(value)
    decider.decide(asked(f"{GOOD}1"), asked(BAD, title="poison"), asked(f"{GOOD}2"))

    assert letters(kafka) == []
    assert submitted(kafka) == [f"{GOOD}1", f"{GOOD}2"]
    assert told(kafka, BAD) == ["CommandCannotBeDecided"]


def test_a_command_of_which_nothing_can_be_written_is_passed_over(
    kafka: MemoryKafka, decider: Process
) -> None:
    kafka.refuses = lambda _topic, value: is_poison(value) or BAD in repr(decode(value))
    decider.decide(asked(f"{GOOD}1"), asked(BAD, title="poison"), asked(f"{GOOD}2"))

    assert submitted(kafka) == [f"{GOOD}1", f"{GOOD}2"]
    assert (letters(kafka), told(kafka, BAD)) == ([], [])
    assert kafka.committed[ASSET_COMMANDS.name, 0] == 3


def test_an_answer_that_cannot_be_written_takes_its_events_along(
    kafka: MemoryKafka, decider: Process
) -> None:
    kafka.refuses = lambda topic, value: topic == "command-results" and is_poison(value)
    decider.decide(asked(f"{GOOD}1"), asked(BAD, title="poison"), asked(f"{GOOD}2"))

    assert [letter.code for letter in letters(kafka)] == ["not_written"]
    assert submitted(kafka) == [f"{GOOD}1", f"{GOOD}2"]
    assert told(kafka, BAD) == ["CommandCannotBeDecided"]


@pytest.mark.parametrize("value", [b"", b"junk", encode(create_category("dogs"))])
def test_what_is_no_command_of_its_topic_is_buried(
    kafka: MemoryKafka, decider: Process, value: bytes
) -> None:
    kafka.append(ASSET_COMMANDS, value)
    decider.decide(asked(f"{GOOD}1"))

    assert [letter.code for letter in letters(kafka)] == ["undecodable"]
    assert submitted(kafka) == [f"{GOOD}1"]
    assert len(kafka.values(CATEGORY_EVENTS)) == 1


def test_after_a_transaction_without_effect_its_commands_are_decided_again(
    kafka: MemoryKafka, decider: Process
) -> None:
    kafka.failures = ["lost"]
    decider.decide(asked(f"{GOOD}1"), asked(f"{GOOD}2"))

    assert submitted(kafka) == [f"{GOOD}1", f"{GOOD}2"]
    assert told(kafka, f"{GOOD}1") == ["accepted"]


def test_after_a_transaction_of_unheard_effect_its_events_are_folded(
    kafka: MemoryKafka, decider: Process
) -> None:
    kafka.failures = ["unheard"]
    decider.decide(asked(f"{GOOD}1"))
    again = DescribeAsset(metadata=metadata(f"{GOOD}1"), patch='{"title": "Another cat"}')
    decider.decide(asked(f"{GOOD}1"), again)

    events = [
        event for event in map(decode, kafka.values(ASSET_EVENTS)) if isinstance(event, Event)
    ]
    assert [event.metadata.entity_version for event in events] == [1, 2]
    assert told(kafka, f"{GOOD}1") == ["accepted", "accepted"]


def described(asset_id: str, version: int) -> bytes:
    """Make an event of any version, as two owners of one partition would."""
    about = metadata(asset_id)
    before = assets.evolve(None, *assets.decide(submit(about, "cats"), None, TREE, NOON))
    assert before
    (event,) = assets.decide(
        DescribeAsset(metadata=about, patch='{"title": "x"}'),
        replace(before, version=version - 1),
        TREE,
        NOON,
    )
    return encode(event)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(lambda: described(BAD, 3), "version 3 follows version 1", id="hole"),
        pytest.param(lambda: described(BAD, 1), "version 1 follows version 1", id="repetition"),
        pytest.param(lambda: b"junk", "cannot be read", id="unreadable"),
    ],
)
def test_nothing_is_decided_about_an_asset_whose_history_is_broken(
    kafka: MemoryKafka, decider: Process, value: Callable[[], bytes], reason: str
) -> None:
    decider.decide(asked(BAD), asked(f"{GOOD}1"))
    kafka.append(ASSET_EVENTS, value(), key=BAD)
    for _ in range(2):  # in the process that read it, and in the next
        decider.restart()
        change = [
            DescribeAsset(metadata=metadata(each, reply_partition=1), patch='{"title": "y"}')
            for each in (BAD, f"{GOOD}1")
        ]
        decider.decide(*change)

    assert [letter.code for letter in letters(kafka)] == 2 * ["history_broken"]
    assert reason in letters(kafka)[0].detail
    assert told(kafka, BAD) == ["accepted", *2 * ["CommandCannotBeDecided"]]
    assert told(kafka, f"{GOOD}1") == 3 * ["accepted"]


def test_a_tenant_whose_categories_are_broken_holds_up_nobody_else(
    kafka: MemoryKafka, decider: Process
) -> None:
    decider.decide(asked(f"{GOOD}1"))
    kafka.append(CATEGORY_EVENTS, b"junk", key=ACME)
    decider.decide(create_category("dogs"), asked(f"{GOOD}2"))
    without_categories = DescribeAsset(metadata=metadata(f"{GOOD}1"), patch='{"title": "y"}')
    decider.decide(without_categories)

    assert [letter.code for letter in letters(kafka)] == 2 * ["history_broken"]
    assert len(kafka.values(ASSET_EVENTS)) == 2
    assert submitted(kafka) == [f"{GOOD}1"]


def test_a_partition_that_lost_events_keeps_its_commands_and_holds_up_no_other(
    kafka: MemoryKafka, decider: Process
) -> None:
    decider.decide(asked(f"{GOOD}1"), asked(f"{GOOD}2"))
    lost: list[Record] = [kafka.logs[ASSET_EVENTS.name, 0].pop()]
    decider.restart()
    decider.decide(asked(f"{GOOD}3"))
    decider.decide(asked(f"{GOOD}4"), partition=1)

    assert submitted(kafka) == [f"{GOOD}1", f"{GOOD}4"]
    assert kafka.committed[ASSET_COMMANDS.name, 0] == 2
    kafka.logs[ASSET_EVENTS.name, 0] += lost
    decider.restart()
    decider.run()
    assert submitted(kafka) == [f"{GOOD}{n}" for n in (1, 2, 3, 4)]
