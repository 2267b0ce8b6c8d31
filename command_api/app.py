"""The FastAPI application of the command API, put together from its parts."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from fastapi import FastAPI
from prometheus_client import Gauge

from command_api.batch_import.batch_importer import BatchImporter
from command_api.batch_import.upload_spool import BatchLimits
from command_api.maintenance_client import MaintenanceClient, MaintenanceTaskStore
from command_api.operation_previews import OperationPreviews, PreviewAssets
from command_api.request_context import RequestContext
from command_api.requests.admission import Admission
from command_api.requests.fields import RequestRules
from command_api.requests.rate_limiter import RateLimiter
from command_api.responses.webhook_responses import WebhookResponses
from command_api.responses.write_responses import WriteResponses
from command_api.routes.assets import add_asset_routes
from command_api.routes.batches import PATH, add_batch_routes
from command_api.routes.bulk_operations import add_operation_routes
from command_api.routes.categories import add_category_routes
from command_api.routes.dead_letters import add_dead_letter_routes
from command_api.routes.maintenance import add_maintenance_routes
from command_api.routes.sources import add_source_routes
from command_api.routes.webhooks import add_webhook_routes
from command_api.upload_staging import StagingStore, UploadStaging
from command_api.webhook_registry import WebhookRegistry
from domain.command_routing import stream_of
from domain.outcomes import Outcome
from infra.decider_runtime.command_client import CommandClient
from infra.decider_runtime.pending_replies import PendingReplies
from infra.http.access import Access, KeyTable
from infra.http.application import install
from infra.http.body_limits import BodyLimits
from infra.http.problems import Problems
from infra.http.readiness import Probe, Readiness
from infra.http.request_metrics import new_registry
from infra.http.tenant_slots import TenantSlots
from infra.kafka.producer import RecordSender
from infra.settings import Settings
from read_models.dead_letters import DeadLetterQueue

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandApiParts:
    """What a command API works with; ``probes`` say whether each of it is well.

    ``open_preview_assets`` connects to the views, for dry runs alone.
    """

    keys: KeyTable
    sender: RecordSender
    outcomes: PendingReplies[Outcome]
    blobs: StagingStore
    open_preview_assets: Callable[[], PreviewAssets]
    dead_letter_queue: DeadLetterQueue
    webhooks: WebhookRegistry
    probes: Mapping[str, Probe]
    open_task_store: Callable[[], MaintenanceTaskStore]
    now: Callable[[], datetime]
    new_id: Callable[[], str]


def create_app(
    settings: Settings, parts: CommandApiParts, lifespan: Lifespan | None = None
) -> tuple[FastAPI, Readiness]:
    """Put a command API together; the readiness is for the code that stops it."""
    ours = settings.command_api
    access = Access(parts.keys)
    admission = Admission(
        access,
        (
            RateLimiter(ours.requests_per_second, of="key"),
            RateLimiter(ours.requests_per_second_per_tenant, of="tenant"),
        ),
        max_in_flight=ours.max_in_flight,
        wait_seconds=ours.wait_seconds,
        reply_partition=parts.outcomes.partition,
        now=parts.now,
        new_id=parts.new_id,
    )
    request_context = RequestContext(
        admission=admission,
        command_client=CommandClient(parts.sender, parts.outcomes, stream_of),
        answers=WriteResponses(settings.query_base_url, settings.public_base_url),
        uploads=UploadStaging(
            parts.blobs,
            ours.max_upload_bytes,
            TenantSlots(ours.max_uploads, "uploads", wait_seconds=ours.queue_seconds),
        ),
        rules=RequestRules(
            max_categories=ours.max_categories,
            allowed_origins=settings.fetch.allowed_origins,
            refused_networks=settings.fetch.all_refused_networks,
        ),
        longest_wait_seconds=ours.wait_seconds,
    )
    problem_base_url = settings.query_base_url
    intake = BatchImporter(
        command_client=request_context.command_client,
        uploads=request_context.uploads,
        problems=Problems(problem_base_url),
        rules=request_context.rules,
        wait_seconds=ours.wait_seconds,
    )
    app = FastAPI(
        title="ScaleHoster command API",
        summary="Accepts pictures and changes to them; the query API tells what became of them.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # install() has a page that loads nothing from elsewhere
        redoc_url=None,
    )
    for add_routes in (add_source_routes, add_asset_routes, add_category_routes):
        add_routes(app, request_context)  # not by routers: each level of them costs every request
    add_operation_routes(app, request_context, OperationPreviews(parts.open_preview_assets))
    batch_limits = BatchLimits(lines=ours.max_batch_lines, line_bytes=ours.max_batch_line_bytes)
    batch_places = TenantSlots(ours.max_batches, "batches", wait_seconds=ours.queue_seconds)
    add_batch_routes(app, admission, intake, batch_limits, batch_places)
    maintenance_client = MaintenanceClient(
        parts.open_task_store,
        now=parts.now,
        new_id=parts.new_id,
        query_base_url=settings.query_base_url,
    )
    add_maintenance_routes(
        app, access, maintenance_client, request_context.rules, ours.wait_seconds
    )
    add_dead_letter_routes(app, access, parts.dead_letter_queue, parts.sender)
    add_webhook_routes(
        app, request_context, parts.webhooks, WebhookResponses(settings.command_base_url)
    )
    registry = new_registry()
    in_flight = Gauge(
        "scalehoster_writes_in_flight", "Writes that are not answered yet", registry=registry
    )
    in_flight.set_function(lambda: admission.in_flight)
    readiness = install(
        app,
        service="command_api",
        problem_base_url=problem_base_url,
        probes=parts.probes,
        limits=BodyLimits(
            body_bytes=ours.max_body_bytes,
            form_bytes=ours.max_upload_bytes + ours.max_body_bytes,
            of_path={PATH: ours.max_batch_bytes},
            idle_seconds=ours.receive_idle_seconds,
            total_seconds=ours.receive_seconds,
        ),
        registry=registry,
    )
    return app, readiness
