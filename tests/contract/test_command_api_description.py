"""What the command API's own description promises holds for requests that a machine makes up."""

from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as promises

from command_api.app import Parts, create_app
from command_api.ids import uuid7
from infra.api_key_table import ApiKeyTable
from infra.dead_letters import Shelf
from infra.outcomes import Outcomes
from infra.settings import CommandApiSettings, Settings
from tests.fake_decider import FakeDecider
from tests.memory import MemoryBlobStore
from tests.memory_letters import MemoryLetterLog
from tests.memory_requests import MemoryRequestBook
from tests.memory_walk import MemoryWalk
from tests.memory_webhooks import memory_webhooks
from tests.unit.command_api.keys import Keys

KEYS = Keys(ApiKeyTable())


PROMISES = [
    schemathesis.checks.not_a_server_error,
    promises.status_code_conformance,
    promises.content_type_conformance,
    promises.response_schema_conformance,
]


def new_app() -> FastAPI:
    outcomes = Outcomes(partition=0)
    parts = Parts(
        keys=KEYS.table,
        sender=FakeDecider(outcomes),
        outcomes=outcomes,
        blobs=MemoryBlobStore(),
        open_walk=MemoryWalk,
        letters=Shelf(MemoryLetterLog(), lambda: datetime.now(UTC)),
        webhooks=memory_webhooks(),
        probes={},
        open_book=MemoryRequestBook,
        now=lambda: datetime.now(UTC),
        new_id=uuid7,
    )
    limits = CommandApiSettings(requests_per_second=100_000)
    app, _ = create_app(Settings(command_api=limits), parts)
    return app


@pytest.mark.slow
def test_every_answer_is_one_that_is_described() -> None:
    headers = {"authorization": f"Bearer {KEYS.add(['assets:write'])}"}
    described = schemathesis.openapi.from_asgi("/openapi.json", new_app())
    found = list(described.get_all_operations())
    operations = [result.ok() for result in found if isinstance(result, Ok)]
    assert len(operations) == len(found)
    assert len(operations) >= 15
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
        def answers_as_described(case: Case[Any]) -> None:
            case.validate_response(case.call(headers=headers), checks=PROMISES)

        answers_as_described()
