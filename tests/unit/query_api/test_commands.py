"""What became of a command."""

from starlette.testclient import TestClient

from domain.outcomes import CommandAccepted, CommandRefused, EventRef
from domain.values import CommandId, EventId
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import ACME, NOON


def test_an_accepted_command_names_its_events(client: TestClient, tables: MemoryTables) -> None:
    tables.apply(
        CommandAccepted(
            command_id=CommandId("c1"),
            tenant_id=ACME,
            entity_id="a1",
            decided_at=NOON,
            position="asset-events:3:41",
            events=(EventRef(event_id=EventId("e1"), name="AssetSubmitted"),),
            asset=None,
            category=None,
        )
    )
    answer = client.get("/v1/commands/c1").json()
    assert answer["status"] == "accepted"
    assert [event["name"] for event in answer["events"]] == ["AssetSubmitted"]
    assert answer["position"] == "YXNzZXQtZXZlbnRzOjM6NDE"


def test_a_refused_command_tells_the_problem(client: TestClient, tables: MemoryTables) -> None:
    tables.apply(
        CommandRefused(
            command_id=CommandId("c1"),
            tenant_id=ACME,
            entity_id="a1",
            decided_at=NOON,
            problem="UnknownCategory",
            detail="no category birds",
            members={"categories": "birds"},
        )
    )
    answer = client.get("/v1/commands/c1").json()
    assert answer["status"] == "refused"
    assert answer["problem"] == {
        "type": "https://api.example/problems/unknown-category",
        "title": "The request names a category that does not exist.",
        "status": 422,
        "detail": "no category birds",
        "categories": "birds",
    }


def test_a_command_that_is_not_decided_may_be_pending(client: TestClient) -> None:
    answer = client.get("/v1/commands/c1")
    assert answer.status_code == 404
    assert "may be pending" in answer.json()["detail"]
