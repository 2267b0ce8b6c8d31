"""Erasing a tenant: nobody acts for it any more, its key is destroyed, others are as before."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from avro_schemas.codec import decode, encode
from domain import bulk_operation as operations
from domain.bulk_operation.commands import CancelOperation
from domain.bulk_operation.events import OperationEnded
from domain.bulk_operation.values import OperationState
from domain.category import EMPTY_CATALOGUE
from domain.values import BlobKey, CorrelationId, OperationId, TenantId
from infra.encryption import WHOLE_TENANT, Erasure
from infra.http.authentication.api_keys import ApiKey, api_key_from_json, issue_api_key
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from infra.kafka.topics import (
    API_KEYS,
    DEAD_LETTERS_SETTLED,
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
    WEBHOOK_ENDPOINTS,
    Topic,
)
from read_models.dead_letters import DeadLetterQueue
from read_models.webhooks.endpoint_records import endpoint_record_to_json
from streams.erasure.tenant_belongings import (
    TenantBelongings,
    collect_belongings,
    erase_belongings,
    remove_tenant_blobs,
)
from tests.support.bulk_operations import instructions, start
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_dead_letters import MemoryDeadLetterLog
from tests.support.fakes.memory_webhooks import MemoryTopics
from tests.support.samples import ACME, NOON, metadata
from tests.support.stream_samples import JOB
from tests.support.webhook_parts import endpoint

GLOBEX = TenantId("globex")
RUNNING, ENDED, THEIRS = OperationId("running"), OperationId("ended"), OperationId("theirs")


class Installation:
    """Two tenants that have the same."""

    def __init__(self) -> None:
        self.topics = MemoryTopics()
        self.letters = MemoryDeadLetterLog()
        self.queue = DeadLetterQueue(self.letters, lambda: NOON)
        self.erasures: list[Erasure] = []
        self.revoked_before = 0
        self.keys = [asyncio.run(self.issue(tenant_id)) for tenant_id in (ACME, ACME, GLOBEX)]
        for tenant_id in (ACME, GLOBEX):
            hook = endpoint(f"hook of {tenant_id}", tenant_id)
            asyncio.run(
                self.topics.send(WEBHOOK_ENDPOINTS, hook.endpoint_id, endpoint_record_to_json(hook))
            )
            self.letters.park(encode(replace(JOB, tenant_id=tenant_id)))
        for operation_id, tenant_id in ((RUNNING, ACME), (ENDED, ACME), (THEIRS, GLOBEX)):
            self._start(operation_id, tenant_id)

    async def issue(self, tenant_id: TenantId) -> ApiKey:
        made = await issue_api_key(
            self, tenant_id=tenant_id, scopes=("admin",), name="Ann", now=NOON
        )
        return made[0]

    def _start(self, operation_id: OperationId, tenant_id: TenantId) -> None:
        about = metadata(operation_id, tenant_id=tenant_id, fingerprint="f")
        (started,) = operations.decide(
            start(instructions("delete"), about=about), {}, EMPTY_CATALOGUE, NOON
        )
        events = [encode(started)]
        if operation_id == ENDED:
            about_it = replace(started.metadata, entity_version=2)
            state = OperationState.CANCELLED
            events.append(encode(OperationEnded(metadata=about_it, state=state, reason="")))
        for event in events:
            asyncio.run(self.topics.send(OPERATION_EVENTS, tenant_id, event))

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        if topic == DEAD_LETTERS_SETTLED:
            return await self.letters.send(topic, key, value or b"")
        return await self.topics.send(topic, key, value)

    def records(self, topic: str) -> list[Record]:
        return self.topics.records.get(topic, [])

    def erase(self, erasures: Iterable[Erasure]) -> None:
        self.erasures += erasures
        self.revoked_before = len(self.records(API_KEYS.name)) - 3

    def of(self, tenant_id: TenantId) -> TenantBelongings:
        newest = {
            record.key: api_key_from_json(record.value) for record in self.records(API_KEYS.name)
        }
        return collect_belongings(
            tenant_id,
            keys=newest.values(),
            endpoints=self.records(WEBHOOK_ENDPOINTS.name),
            operation_events=self.records(OPERATION_EVENTS.name),
            queue=self.queue,
        )

    def erase_tenant(self, tenant_id: TenantId) -> None:
        asyncio.run(
            erase_belongings(
                self.of(tenant_id),
                keyring=self,
                sender=self,
                queue=self.queue,
                now=NOON,
                correlation_id=CorrelationId("this erasure"),
            )
        )


def test_all_that_a_tenant_has_is_named_and_nothing_of_others() -> None:
    theirs = Installation().of(ACME)
    assert theirs.counts == {
        "API keys": 2,
        "webhook endpoints": 1,
        "operations under way": 1,
        "dead letters": 1,
    }
    assert theirs.operations == [RUNNING]


def test_an_erased_tenant_has_nothing_left_and_others_have_what_they_had() -> None:
    there = Installation()
    before = there.of(GLOBEX)
    there.erase_tenant(ACME)
    assert there.of(GLOBEX) == before
    left = there.of(ACME)
    assert (left.keys, left.endpoints, left.letters) == ([], [], [])
    assert there.erasures == [Erasure(tenant_id=ACME, entity_id=WHOLE_TENANT, erased_at=NOON)]
    assert there.revoked_before == 2, "who may still send would be answered as if it was kept"
    (cancel,) = map(decode, (each.value for each in there.records(OPERATION_COMMANDS.name)))
    assert isinstance(cancel, CancelOperation)
    assert (cancel.metadata.tenant_id, cancel.metadata.entity_id) == (ACME, RUNNING)


def test_a_revoked_key_says_no_more_whose_it_was_and_stays_revoked() -> None:
    there = Installation()
    there.erase_tenant(ACME)
    there.erase_tenant(ACME)
    records = there.records(API_KEYS.name)
    assert len(records) == 5
    revoked = [api_key_from_json(record.value) for record in records[3:]]
    assert {(each.name, each.revoked_at) for each in revoked} == {("", NOON)}


def test_all_bytes_of_a_tenant_are_removed_and_nothing_of_another() -> None:
    blobs = MemoryBlobStore()
    blobs.page_size = 1
    for name in ("assets/acme/asset-1/ab", "assets/acme/asset-2/cd", "assets/acme-2/asset-1/ab"):
        asyncio.run(blobs.put(BlobKey(name), b"", "image/jpeg"))
    assert asyncio.run(remove_tenant_blobs(ACME, blobs)) == 2
    assert set(blobs.blobs) == {"assets/acme-2/asset-1/ab"}
