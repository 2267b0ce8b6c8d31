"""What the command API's own description promises holds for requests that a machine makes up."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as promises

from command_api.app import CommandApiParts, create_app
from command_api.ids import uuid7
from domain.outcomes import Outcome, outcome_in
from infra.api_settings import CommandApiSettings
from infra.decider_runtime.pending_replies import PendingReplies
from infra.http.authentication.api_key_table import ApiKeyTable
from infra.settings import Settings
from read_models.dead_letters import DeadLetterQueue
from tests.support.api_keys import Keys
from tests.support.fakes.fake_decider import FakeDecider
from tests.support.fakes.memory_asset_scan import MemoryWalk
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_dead_letters import MemoryDeadLetterLog
from tests.support.fakes.memory_maintenance_tasks import MemoryRequestBook
from tests.support.fakes.memory_webhooks import memory_webhooks

KEYS = Keys(ApiKeyTable())


PROMISES = [
    schemathesis.checks.not_a_server_error,
    promises.status_code_conformance,
    promises.content_type_conformance,
    promises.response_schema_conformance,
]


def new_app() -> FastAPI:
    outcomes = PendingReplies[Outcome](partition=0, reply_in=outcome_in)
    parts = CommandApiParts(
        keys=KEYS.table,
        sender=FakeDecider(outcomes),
        outcomes=outcomes,
        blobs=MemoryBlobStore(),
        open_preview_assets=MemoryWalk,
        dead_letter_queue=DeadLetterQueue(MemoryDeadLetterLog(), lambda: datetime.now(UTC)),
        webhooks=memory_webhooks(),
        probes={},
        open_task_store=MemoryRequestBook,
        now=lambda: datetime.now(UTC),
        new_id=uuid7,
    )
    limits = CommandApiSettings(requests_per_second=100_000, requests_per_second_per_tenant=100_000)
    app, _ = create_app(Settings(command_api=limits), parts)
    return app


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        yield from chain.from_iterable(map(references, part.values()))
    elif isinstance(part, list):
        yield from chain.from_iterable(map(references, part))


def test_the_description_refers_to_nothing_that_it_lacks() -> None:
    """A client generator, and our own tests, send no body where they cannot find its schema."""
    document = new_app().openapi()
    found = set(references(document))
    assert "#/components/schemas/Problem" in found
    for reference in found:
        part: Any = document
        for name in reference.removeprefix("#/").split("/"):
            assert name in part, reference
            part = part[name]


@pytest.mark.slow
def test_every_answer_is_one_that_is_described() -> None:
    headers = {"authorization": f"Bearer {KEYS.add(['assets:write', 'webhooks'])}"}
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
