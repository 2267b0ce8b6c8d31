"""Run the command API: ``python -m command_api``."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI

from command_api.app import CommandApiParts, create_app
from command_api.delivery_log import DeliveryLog
from command_api.ids import uuid7
from command_api.webhook_registry import WebhookRegistry
from domain.errors import ScaleHosterError
from domain.outcomes import Outcome, outcome_in
from infra.blobs.store import open_blob_store
from infra.cassandra.session import CassandraSession
from infra.decider_runtime.pending_replies import PendingReplies, follow_replies
from infra.encryption import KeyringFile, use_keyring
from infra.errors import BrokerUnavailable
from infra.http.authentication.api_key_table import ApiKeyTable, follow_api_keys
from infra.http.readiness import Probe
from infra.http.server import serve
from infra.kafka.admin import check_topics
from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import PartitionReader
from infra.kafka.probe import KafkaProbe
from infra.kafka.producer import RecordProducer
from infra.kafka.tailer import Tailer
from infra.kafka.topics import ASSET_EVENTS, COMMAND_RESULTS, WEBHOOK_ATTEMPTS
from infra.logs import configure
from infra.settings import Settings, load
from read_models.assets_by_shard.queries import AssetScan
from read_models.dead_letters import DeadLetterQueue
from read_models.maintenance_tasks import open_maintenance_tasks
from read_models.view_reader import ViewReader
from read_models.webhooks.endpoint_table import (
    WebhookEndpointTable,
    follow_endpoints,
    wait_until_endpoints_current,
)
from read_models.webhooks.signing_secrets import WebhookSecrets


def main() -> int:
    """Serve until SIGTERM; 1 when the settings or the topics are wrong."""
    try:
        settings = load()
        configure("command_api", settings.log_level)
        check_topics(settings.kafka.connection())
        _serve(settings, use_keyring(settings))
    except ScaleHosterError as error:
        sys.stderr.write(f"command_api: {error}\n")
        return 1
    return 0


def _serve(settings: Settings, keyring: KeyringFile) -> None:
    kafka = settings.kafka.connection()
    keys = ApiKeyTable(settings.refused_tenants)
    outcomes = PendingReplies[Outcome](secrets.randbelow(COMMAND_RESULTS.partitions), outcome_in)
    sender = RecordProducer(kafka)
    endpoints = WebhookEndpointTable()
    followed = {
        "api_keys": follow_api_keys(kafka, keys),
        "decisions": follow_replies(kafka, outcomes),
        "webhooks": follow_endpoints(kafka, endpoints),
    }

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as stack:
            for tail in followed.values():
                stack.enter_context(tail)
            async with sender:
                yield

    closing = ExitStack()

    def open_preview_assets() -> AssetScan:
        cql = CassandraSession(settings.cassandra, keyspace=settings.cassandra.keyspace)
        closing.callback(cql.close)
        return AssetScan(ViewReader(cql))

    parts = CommandApiParts(
        keys=keys,
        sender=sender,
        outcomes=outcomes,
        blobs=open_blob_store(settings.blobs_url, settings.blobs),
        open_preview_assets=open_preview_assets,
        dead_letter_queue=DeadLetterQueue.connect(kafka),
        webhooks=_webhooks(settings, keyring, kafka, sender, endpoints),
        probes={"log": KafkaProbe(kafka), **{n: _is_current(t) for n, t in followed.items()}},
        open_task_store=lambda: open_maintenance_tasks(settings.cassandra),
        now=lambda: datetime.now(UTC),
        new_id=uuid7,
    )
    app, readiness = create_app(settings, parts, lifespan)
    with closing:
        serve(
            app,
            readiness,
            host=settings.command_api.host,
            port=settings.command_api.port,
            http=settings.http,
            problem_base_url=settings.query_base_url,
        )


def _webhooks(
    settings: Settings,
    keyring: KeyringFile,
    kafka: Kafka,
    sender: RecordProducer,
    table: WebhookEndpointTable,
) -> WebhookRegistry:
    bounds = LogBounds(kafka)
    return WebhookRegistry(
        sender=sender,
        table=table,
        secrets=WebhookSecrets(settings.installation_secrets().texts),
        log=DeliveryLog(bounds, lambda starts: PartitionReader(kafka, WEBHOOK_ATTEMPTS, starts)),
        keys=keyring,
        catch_up=lambda: wait_until_endpoints_current(bounds, table),
        event_ends=lambda: asyncio.to_thread(bounds.ends, ASSET_EVENTS),
        max_per_tenant=settings.webhooks.max_per_tenant,
    )


def _is_current(tail: Tailer) -> Probe:
    async def probe() -> None:
        if not tail.is_current:
            raise BrokerUnavailable("not read to the end yet")

    return probe


if __name__ == "__main__":
    sys.exit(main())
