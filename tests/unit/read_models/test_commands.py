"""What became of a command can be looked up."""

import json
from dataclasses import replace
from datetime import timedelta

from domain.outcomes import CommandAccepted, CommandRefused, EventRef
from domain.values import CommandId, EventId
from read_models.commands.projection import COMMANDS, OUTCOMES
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.samples import ACME, NOON

REFUSED = CommandRefused(
    command_id=CommandId("c-1"),
    tenant_id=ACME,
    entity_id="a-1",
    decided_at=NOON,
    problem="AssetNotFound",
    detail="no asset a-1",
    members={"asset": "a-1"},
)
ACCEPTED = CommandAccepted(
    command_id=CommandId("c-1"),
    tenant_id=ACME,
    entity_id="a-1",
    decided_at=NOON + timedelta(seconds=1),
    position="asset-events:3:17",
    events=(EventRef(event_id=EventId("e-1"), name="AssetDeleted"),),
    asset=None,
    category=None,
)


def rows(*outcomes: CommandAccepted | CommandRefused) -> dict[str, object]:
    store = MemoryViewStore()
    for outcome in outcomes:
        store.write(COMMANDS.rows(outcome), generation=1)
    found = store.rows(OUTCOMES)
    return dict(found[min(key for key in found if key[:2] == (ACME, "c-1"))])


def test_a_refusal_is_kept_with_its_problem() -> None:
    row = rows(REFUSED)
    assert (row["is_accepted"], row["position"], row["entity_id"]) == (False, "", "a-1")
    assert json.loads(str(row["outcome"]))["problem"] == "AssetNotFound"


def test_an_acceptance_is_kept_with_its_position_and_events() -> None:
    row = rows(ACCEPTED)
    assert (row["is_accepted"], row["position"]) == (True, "asset-events:3:17")
    assert json.loads(str(row["outcome"]))["events"] == [
        {"event_id": "e-1", "name": "AssetDeleted"}
    ]


def test_a_command_that_was_refused_and_then_accepted_is_accepted() -> None:
    assert rows(REFUSED, ACCEPTED) == rows(ACCEPTED, REFUSED) == rows(ACCEPTED)


def test_a_command_stays_accepted_when_its_key_comes_again_with_another_body() -> None:
    later = ACCEPTED.decided_at + timedelta(seconds=1)
    reused = replace(REFUSED, problem="IdempotencyKeyReused", decided_at=later)
    assert rows(ACCEPTED, reused) == rows(reused, ACCEPTED) == rows(ACCEPTED)


def test_a_command_that_changed_something_is_not_told_as_one_that_changed_nothing() -> None:
    later = ACCEPTED.decided_at + timedelta(seconds=1)
    again = replace(ACCEPTED, position=None, events=(), decided_at=later)
    assert rows(ACCEPTED, again) == rows(again, ACCEPTED) == rows(ACCEPTED)
