"""Every webhook endpoint in memory, kept current by following the topic."""

import asyncio
from threading import Lock

from domain.values import TenantId
from domain.webhook.endpoint import EndpointHealth, EndpointId, WebhookEndpoint
from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import Record, read_from_beginning
from infra.kafka.tailer import Tailer
from infra.kafka.topics import WEBHOOK_ENDPOINTS
from read_models.webhooks.endpoint_records import endpoint_of, endpoint_record_from_json, is_health

_LOOK_SECONDS = 0.005
_PATIENCE_SECONDS = 10.0


class WebhookEndpointTable:
    """Endpoints by their tenant, and how each fares; one thread may put while others look."""

    def __init__(self) -> None:
        self._of_tenant: dict[TenantId, dict[EndpointId, WebhookEndpoint]] = {}
        self._endpoints: dict[EndpointId, WebhookEndpoint] = {}
        self._health: dict[EndpointId, EndpointHealth] = {}
        self._lock = Lock()
        self.position = 0

    def put(self, stored: WebhookEndpoint | EndpointHealth) -> None:
        """Learn of an endpoint, or of how it fares."""
        with self._lock:
            if isinstance(stored, EndpointHealth):
                self._health[stored.endpoint_id] = stored
            else:
                self._endpoints[stored.endpoint_id] = stored
                self._of_tenant.setdefault(stored.tenant_id, {})[stored.endpoint_id] = stored

    def remove(self, endpoint_id: EndpointId) -> None:
        """Learn that an endpoint is gone."""
        with self._lock:
            self._health.pop(endpoint_id, None)
            gone = self._endpoints.pop(endpoint_id, None)
            if gone is not None:
                theirs = self._of_tenant[gone.tenant_id]
                del theirs[endpoint_id]
                if not theirs:
                    del self._of_tenant[gone.tenant_id]

    def get(self, endpoint_id: EndpointId) -> WebhookEndpoint | None:
        """Find an endpoint."""
        return self._endpoints.get(endpoint_id)

    def of(self, tenant_id: TenantId) -> list[WebhookEndpoint]:
        """List a tenant's endpoints, the oldest first."""
        with self._lock:
            theirs = list(self._of_tenant.get(tenant_id, {}).values())
        return sorted(theirs, key=lambda each: (each.registered_at, each.endpoint_id))

    def health(self, endpoint_id: EndpointId) -> EndpointHealth:
        """Tell how an endpoint fares; well, as long as nobody said otherwise."""
        return self._health.get(endpoint_id) or EndpointHealth(endpoint_id=endpoint_id)

    def is_on(self, endpoint_id: EndpointId) -> bool:
        """Tell whether it exists and was not switched off."""
        return endpoint_id in self._endpoints and self.health(endpoint_id).disabled_at is None

    def learn(self, record: Record) -> None:
        """Take in the next record of the topic; raises ValueError, and has then passed it by."""
        self.position = record.offset + 1
        key = record.key.decode()
        if record.value:
            self.put(endpoint_record_from_json(record.value))
        elif not is_health(key):
            self.remove(endpoint_of(key))


def follow_endpoints(kafka: Kafka, table: WebhookEndpointTable) -> Tailer:
    """Keep a table current, from the topic's beginning on; use the result as a context."""
    return Tailer(
        "webhook-endpoints", lambda: read_from_beginning(kafka, WEBHOOK_ENDPOINTS), table.learn
    )


async def wait_until_endpoints_current(bounds: LogBounds, table: WebhookEndpointTable) -> None:
    """Wait until a table that is followed holds all that was stored before this call.

    Raises BrokerUnavailable when that takes longer than it may.
    """
    ends = await asyncio.to_thread(bounds.ends, WEBHOOK_ENDPOINTS)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while table.position < ends[0]:  # noqa: ASYNC110 - the thread that reads knows no loop
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise BrokerUnavailable("the webhook endpoints cannot be read") from None
