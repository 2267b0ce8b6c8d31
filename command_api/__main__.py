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
from command_api.webhooks import WebhookRegistry
from domain.errors import ScaleHosterError
from infra.api_key_table import ApiKeyTable, follow_api_keys
from infra.blob_store import open_blob_store
from infra.candidates import AssetScan
from infra.cql import CassandraSession
from infra.dead_letters import DeadLetterQueue, KafkaDeadLetterLog
from infra.errors import BrokerUnavailable
from infra.kafka import Kafka
from infra.kafka_probe import KafkaProbe
from infra.keyring import KeyringFile, use_keyring
from infra.live_views import ViewReader
from infra.log_bounds import LogBounds
from infra.logs import configure
from infra.operator_requests import open_maintenance_tasks
from infra.outcomes import PendingReplies, follow_replies
from infra.reading import PartitionReader
from infra.sending import RecordProducer
from infra.settings import Settings, load
from infra.tailing import Tailer
from infra.topic_admin import check_topics
from infra.topics import ASSET_EVENTS, COMMAND_RESULTS, WEBHOOK_ATTEMPTS
from infra.web.health import Probe
from infra.web.serving import serve
from infra.webhook_secrets import WebhookSecrets
from infra.webhook_table import WebhookEndpointTable, follow_endpoints, wait_until_endpoints_current


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
    outcomes = PendingReplies(secrets.randbelow(COMMAND_RESULTS.partitions))
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
        dead_letter_queue=DeadLetterQueue(KafkaDeadLetterLog(kafka), lambda: datetime.now(UTC)),
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
