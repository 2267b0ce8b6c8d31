"""A command API whose decider lives in the same process."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from command_api.app import CommandApiParts, create_app
from command_api.ids import uuid7
from domain.outcomes import Outcome, outcome_in
from infra.api_settings import CommandApiSettings
from infra.decider_runtime.pending_replies import PendingReplies
from infra.http.authentication.api_key_table import ApiKeyTable
from infra.settings import FetchSettings, Settings
from read_models.dead_letters import DeadLetterQueue
from tests.support.api_keys import Keys
from tests.support.fakes.fake_decider import FakeDecider
from tests.support.fakes.memory_asset_scan import MemoryWalk
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_dead_letters import MemoryDeadLetterLog
from tests.support.fakes.memory_maintenance_tasks import MemoryRequestBook
from tests.support.fakes.memory_webhooks import memory_webhooks

SETTINGS = Settings(
    query_base_url="https://query.example",
    public_base_url="https://pictures.example",
    fetch=FetchSettings(allowed_origins=frozenset({"127.0.0.1:3010"})),
    command_api=CommandApiSettings(
        wait_seconds=5.0,
        max_body_bytes=100_000,
        max_upload_bytes=50_000,
        max_categories=3,
        max_in_flight=60,
        requests_per_second=10_000,
        requests_per_second_per_tenant=10_000,
    ),
)


@pytest.fixture
def keys() -> Keys:
    return Keys(ApiKeyTable())


@pytest.fixture
def parts(keys: Keys) -> CommandApiParts:
    outcomes = PendingReplies[Outcome](partition=3, reply_in=outcome_in)
    return CommandApiParts(
        keys=keys.table,
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


@pytest.fixture
def decider(parts: CommandApiParts) -> FakeDecider:
    assert isinstance(parts.sender, FakeDecider)
    return parts.sender


@pytest.fixture
def blobs(parts: CommandApiParts) -> MemoryBlobStore:
    assert isinstance(parts.blobs, MemoryBlobStore)
    return parts.blobs


@pytest.fixture
def client(parts: CommandApiParts, keys: Keys) -> Iterator[TestClient]:
    """Speaks for a key of acme that may write; acme has the category cats."""
    app, _ = create_app(SETTINGS, parts)
    headers = {"authorization": f"Bearer {keys.add(['assets:write'])}"}
    with TestClient(app, headers=headers) as client:
        assert client.post("/v1/categories", json={"name": "Cats"}).status_code == 201
        yield client


@pytest.fixture
def impatient(client: TestClient, parts: CommandApiParts) -> Iterator[TestClient]:
    """Speaks to the same decider through an API that waits for next to nothing."""
    ours = SETTINGS.command_api.model_copy(update={"wait_seconds": 0.05})
    app, _ = create_app(SETTINGS.model_copy(update={"command_api": ours}), replace(parts))
    with TestClient(app, headers=dict(client.headers)) as client_of_its_own:
        yield client_of_its_own
