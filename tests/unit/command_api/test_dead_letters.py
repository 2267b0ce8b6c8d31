"""Dead letters over HTTP."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from avro_schemas.codec import encode
from command_api.app import CommandApiParts, create_app
from domain.asset.jobs import FailedAttempt
from infra.kafka.topics import PROJECTIONS_DEAD_LETTERS
from read_models.dead_letters import DeadLetterQueue
from tests.support.api_keys import Keys
from tests.support.fakes.memory_dead_letters import MemoryDeadLetterLog
from tests.support.samples import NOON
from tests.support.stream_samples import JOB, SUBMITTED
from tests.unit.command_api.conftest import SETTINGS

PATH = "/v1/admin/dead-letters"
ATTEMPT = FailedAttempt(code="internal", detail="broken", failed_at=NOON)


@pytest.fixture
def log() -> MemoryDeadLetterLog:
    return MemoryDeadLetterLog()


@pytest.fixture
def operator(parts: CommandApiParts, keys: Keys, log: MemoryDeadLetterLog) -> Iterator[TestClient]:
    queue = DeadLetterQueue(log, parts.now)
    app, _ = create_app(SETTINGS, replace(parts, dead_letter_queue=queue, sender=log))
    headers = {"authorization": f"Bearer {keys.add(['admin'])}"}
    with TestClient(app, headers=headers) as client:
        yield client


def test_letters_are_listed_and_shown_with_their_attempts(
    operator: TestClient, log: MemoryDeadLetterLog
) -> None:
    letter_id = log.park(encode(replace(JOB, failed_attempts=(ATTEMPT,))))

    (item,) = operator.get(PATH, params={"code": "internal"}).json()["items"]
    shown = operator.get(f"{PATH}/{letter_id}").json()

    assert (item["letter_id"], item["kind"]) == (letter_id, "ImageJob")
    assert [attempt["code"] for attempt in item["attempts"]] == ["internal"]
    assert shown["message"]["asset_id"] == JOB.asset_id
    assert b64decode(shown["value"]).startswith(b"\0")
    assert item.items() <= shown.items()


def test_pages_are_bounded(operator: TestClient, log: MemoryDeadLetterLog) -> None:
    names = [log.park(b"junk") for _ in range(3)]

    first = operator.get(PATH, params={"limit": 2}).json()
    second = operator.get(PATH, params={"limit": 2, "after": first["next"]}).json()

    assert [item["letter_id"] for item in (*first["items"], *second["items"])] == names
    assert second["next"] is None


def test_one_is_tried_again_once(operator: TestClient, log: MemoryDeadLetterLog) -> None:
    letter_id = log.park(encode(JOB))

    answers = [operator.post(f"{PATH}/{letter_id}/retry") for _ in range(2)]

    assert [answer.json()["settled"] for answer in answers] == ["retried", "retried"]
    assert len(log.sent) == 1
    assert operator.get(PATH).json() == {"items": [], "next": None}


def test_many_are_tried_again_and_events_are_left_alone(
    operator: TestClient, log: MemoryDeadLetterLog
) -> None:
    retried = [log.park(encode(JOB)) for _ in range(2)]
    event = log.park(encode(SUBMITTED), origin="asset-events", topic=PROJECTIONS_DEAD_LETTERS)

    told = operator.post(f"{PATH}/retry", params={"limit": 10}).json()

    assert told["retried"] == retried
    assert [each["letter_id"] for each in told["refused"]] == [event]
    assert operator.post(f"{PATH}/{event}/retry").status_code == 409


@pytest.mark.parametrize(
    ("request_", "status", "problem"),
    [
        (("GET", f"{PATH}/image-jobs.dead-letters:0:9"), 404, "dead-letter-not-found"),
        (("POST", f"{PATH}/nothing/retry"), 404, "dead-letter-not-found"),
        (("GET", f"{PATH}?after=nothing"), 404, "dead-letter-not-found"),
        (("GET", f"{PATH}?topic=nothing"), 422, "request-invalid"),
        (("GET", f"{PATH}?limit=501"), 422, "request-invalid"),
        (("POST", f"{PATH}/retry?since=monday"), 422, "request-invalid"),
    ],
)
def test_what_makes_no_sense_is_refused(
    operator: TestClient, request_: tuple[str, str], status: int, problem: str
) -> None:
    answer = operator.request(*request_)

    assert answer.status_code == status
    assert answer.json()["type"].endswith(f"/problems/{problem}")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", PATH), ("GET", f"{PATH}/x"), ("POST", f"{PATH}/retry"), ("POST", f"{PATH}/x/retry")],
)
def test_only_an_admin_may(operator: TestClient, keys: Keys, method: str, path: str) -> None:
    key = keys.add(["assets:write", "assets:read"])

    answer = operator.request(method, path, headers={"authorization": f"Bearer {key}"})

    assert answer.status_code == 403
    del operator.headers["authorization"]
    assert operator.request(method, path).status_code == 401
