"""Notifiers on a real broker: every event reaches every endpoint that wants it, whoever dies."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from avro_schemas.codec import encode
from domain.asset.events import AssetSubmitted
from domain.values import EventId
from domain.webhook.delivery import WebhookAttempt, WebhookRedelivery
from domain.webhook.endpoint import EndpointHealth, EndpointId, WebhookEndpoint
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import (
    ASSET_EVENTS,
    GROUP_OFFSETS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_HOLDS,
    WEBHOOK_REDELIVERIES,
    WEBHOOKS_DEAD_LETTERS,
)
from read_models.webhooks.endpoint_records import endpoint_record_from_json, store_endpoint
from read_models.webhooks.signing_secrets import WebhookSecrets
from tests.support.eventually import eventually
from tests.support.samples import ACME
from tests.support.servers import Servers
from tests.support.stream_processes import KILLED, StreamProcesses, end
from tests.support.stream_samples import SUBMITTED
from tests.support.webhook_receiver import HookReceiver

NOTIFIER = "streams.webhooks"
SECRET = "a secret that all the tests have in common"
SECRETS = WebhookSecrets([SECRET])
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    with HookReceiver().running() as receiver:
        yield receiver


@pytest.fixture
def processes(
    servers: Servers, topic_prefix: str, receiver: HookReceiver, tmp_path: Path
) -> Iterator[StreamProcesses]:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(
        kafka,
        [
            ASSET_EVENTS,
            GROUP_OFFSETS,
            WEBHOOK_ENDPOINTS,
            WEBHOOK_DELIVERIES,
            *WEBHOOK_HOLDS,
            WEBHOOK_ATTEMPTS,
            WEBHOOK_REDELIVERIES,
            WEBHOOKS_DEAD_LETTERS,
        ],
    )
    with ExitStack() as stack:
        yield StreamProcesses(
            kafka=kafka, folder=tmp_path, allowed_origin=receiver.host, stack=stack
        )


def register(processes: StreamProcesses, url: str) -> WebhookEndpoint:
    """Store an endpoint that hears of everything from the beginning on."""
    endpoint = WebhookEndpoint(
        endpoint_id=EndpointId(str(uuid4())),
        tenant_id=ACME,
        url=url,
        event_types=("asset.submitted",),
        description="",
        registered_at=datetime.now(UTC),
        starts_at=(0,) * ASSET_EVENTS.partitions,
        fingerprint="",
        secret_number=1,
        made_with=SECRETS.current,
        previous_made_with=None,
        previous_until=None,
        rotated_by=None,
    )

    async def store() -> None:
        async with RecordProducer(processes.kafka) as sender:
            await store_endpoint(sender, endpoint)

    asyncio.run(store())
    return endpoint


def tell(processes: StreamProcesses, count: int) -> list[str]:
    """Append events of as many assets and name these."""
    events = [submitted() for _ in range(count)]
    processes.send(ASSET_EVENTS, *((event.asset_id, encode(event)) for event in events))
    return [event.asset_id for event in events]


def submitted() -> AssetSubmitted:
    about = replace(
        SUBMITTED.metadata,
        entity_id=str(uuid4()),
        event_id=EventId(str(uuid4())),
        happened_at=datetime.now(UTC),
    )
    return replace(SUBMITTED, metadata=about)


def secret_of(endpoint: WebhookEndpoint) -> str:
    return SECRETS.text(endpoint.endpoint_id, endpoint.secret_number, endpoint.made_with)


def health(processes: StreamProcesses, endpoint: WebhookEndpoint) -> EndpointHealth | None:
    """Read the last record of how an endpoint fares."""
    found = None
    with read_from_beginning(processes.kafka, WEBHOOK_ENDPOINTS) as reader:
        for record in reader.read_to_end():
            stored = endpoint_record_from_json(record.value)
            if isinstance(stored, EndpointHealth) and stored.endpoint_id == endpoint.endpoint_id:
                found = stored
    return found


def test_nothing_is_lost_when_notifiers_are_killed_at_the_worst_moments(
    processes: StreamProcesses, receiver: HookReceiver
) -> None:
    endpoint = register(processes, receiver.url("acme"))
    assets = tell(processes, 30)
    first = processes.start(
        NOTIFIER,
        SCALEHOSTER_SECRET=SECRET,
        SCALEHOSTER_FAILPOINT="notifier.after_announcing_before_commit",
    )
    assert first.wait(timeout=60) == KILLED

    second = processes.start(
        NOTIFIER,
        SCALEHOSTER_SECRET=SECRET,
        SCALEHOSTER_FAILPOINT="notifier.after_post_before_note",  # with others under way
    )
    assert second.wait(timeout=60) == KILLED
    assert receiver.told("acme")
    assets += tell(processes, 10)

    third = processes.start(NOTIFIER, SCALEHOSTER_SECRET=SECRET)
    eventually(
        lambda: {told.asset_id for told in receiver.told("acme")} == set(assets),
        within_seconds=120,
    )
    ids = Counter((told.asset_id, told.webhook_id) for told in receiver.told("acme"))
    assert len(ids) == len(assets)  # whatever came again came under the same id
    for told in receiver.told("acme"):
        assert told.verified(secret_of(endpoint)) == told.event
    assert end(third, signal.SIGTERM) == 0


def test_each_endpoint_fares_as_it_deserves_and_delays_no_other(
    processes: StreamProcesses, receiver: HookReceiver
) -> None:
    began_at = datetime.now(UTC)
    well, shaky, gone, hopeless, _held = (
        register(processes, receiver.url(path))
        for path in ("well", "failing/2/shaky", "status/410/gone", "status/500/hopeless", "held/b")
    )
    processes.start(
        NOTIFIER,
        SCALEHOSTER_SECRET=SECRET,
        SCALEHOSTER_WEBHOOKS__RETRY_SECONDS="[0.1, 0.1]",
    )
    first = tell(processes, 1)
    eventually(lambda: len(receiver.told("held/b")) >= 1, within_seconds=60)
    assets = first + tell(processes, 30)

    def arrived(path: str) -> list[str]:
        return sorted({told.asset_id for told in receiver.told(path)})

    eventually(lambda: arrived("well") == sorted(assets), within_seconds=60)
    eventually(lambda: arrived("failing/2/shaky") == sorted(assets), within_seconds=60)
    eventually(lambda: (found := health(processes, gone)) and found.disabled_at, within_seconds=60)
    assert (found := health(processes, gone)) is not None
    assert found.disabled_because == "gone"
    eventually(lambda: (found := health(processes, hopeless)) and found.failing_since)

    def outcomes(endpoint: WebhookEndpoint) -> set[tuple[str, int]]:
        return {
            (made.outcome, made.number)
            for made in processes.messages(WEBHOOK_ATTEMPTS)
            if isinstance(made, WebhookAttempt) and made.endpoint_id == endpoint.endpoint_id
        }

    eventually(
        lambda: {("failed", 1), ("failed", 2), ("given_up", 3)} <= outcomes(hopeless),
        within_seconds=60,
    )
    assert processes.messages(WEBHOOKS_DEAD_LETTERS)
    assert {outcome for outcome, _ in outcomes(shaky)} == {"failed", "delivered"}

    again = WebhookRedelivery(
        redelivery_id="r-1",
        endpoint_id=well.endpoint_id,
        tenant_id=ACME,
        since=began_at - timedelta(minutes=1),
        until=datetime.now(UTC),
        event_types=("asset.submitted",),
        positions=(),
        ends=(),
    )
    processes.send(WEBHOOK_REDELIVERIES, (well.endpoint_id, encode(again)))
    eventually(lambda: len(receiver.told("well")) >= 2 * len(assets), within_seconds=60)
    assert len({told.webhook_id for told in receiver.told("well")}) == len(assets)
    assert len(receiver.told("status/410/gone")) <= 4
