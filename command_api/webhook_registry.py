"""The webhook registry: endpoints are registered, changed, removed, and replayed to."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from avro_schemas.codec import encode
from avro_schemas.errors import KeysLost
from command_api.delivery_log import DeliveryLog
from command_api.requests.admission import WriteRequest
from command_api.requests.fields import is_id
from command_api.requests.webhook_bodies import EndpointBody, EndpointPatch, RedeliveryBody
from domain.errors import IdempotencyKeyReused, TooManyWebhooks, WebhookIsDisabled, WebhookNotFound
from domain.values import EventId, TenantId
from domain.webhook.delivery import WebhookAttempt, WebhookDelivery, WebhookRedelivery
from domain.webhook.endpoint import EndpointHealth, EndpointId, WebhookEndpoint
from infra.encryption import Erasure
from infra.http.timestamps import format_timestamp
from infra.kafka.producer import RecordSender
from infra.kafka.topics import WEBHOOK_DELIVERIES, WEBHOOK_REDELIVERIES
from read_models.webhooks.endpoint_records import (
    forget_endpoint,
    start_offsets_of,
    store_endpoint,
    store_health,
)
from read_models.webhooks.endpoint_table import WebhookEndpointTable
from read_models.webhooks.signing_secrets import WebhookSecrets

_BOTH_SIGN_FOR = timedelta(hours=24)
_TEST = "webhook.test"


class ErasableKeys(Protocol):
    """The keys that targets are encrypted under: infra.encryption.KeyringFile. Raises KeysLost."""

    def is_erased(self, tenant_id: str, entity_id: str, /) -> bool:
        """Tell whether a key was destroyed, or that of the whole tenant."""

    def erase(self, erasures: Iterable[Erasure], /) -> None:
        """Destroy keys for good; raises OSError when the keyring cannot be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRegistry:
    """Keeps the endpoints in their topic, and knows them from there.

    ``wait_until_endpoints_current`` returns when the table holds all that was stored before;
    ``event_ends`` tells where the log of asset events ends now. All methods raise
    BrokerUnavailable, Overloaded and KeysLost: then the change may have been made, and the same
    request may be sent again.
    """

    sender: RecordSender
    table: WebhookEndpointTable
    secrets: WebhookSecrets
    log: DeliveryLog
    keys: ErasableKeys
    catch_up: Callable[[], Awaitable[None]]
    event_ends: Callable[[], Awaitable[Mapping[int, int]]]
    max_per_tenant: int

    async def register(
        self, write: WriteRequest, body: EndpointBody
    ) -> tuple[WebhookEndpoint, str]:
        """Make an endpoint and its secret; it hears of all that happens from now on.

        The same request under the same key makes one. Raises TooManyWebhooks,
        IdempotencyKeyReused.
        """
        await self.catch_up()
        endpoint_id = EndpointId(write.command_id)
        fingerprint = write.metadata("", body.content()).fingerprint or ""
        endpoint = self.table.get(endpoint_id)
        if self.keys.is_erased(write.tenant_id, endpoint_id):
            raise IdempotencyKeyReused("what was made under this Idempotency-Key was removed")
        if endpoint is None:
            theirs = self.table.of(write.tenant_id)
            if len(theirs) >= self.max_per_tenant:
                raise TooManyWebhooks(f"a tenant may have {self.max_per_tenant}; remove one first")
            endpoint = WebhookEndpoint(
                endpoint_id=endpoint_id,
                tenant_id=write.tenant_id,
                url=body.url,
                event_types=tuple(dict.fromkeys(body.event_types)),
                description=body.description,
                registered_at=write.received_at,
                starts_at=start_offsets_of(await self.event_ends()),
                fingerprint=fingerprint,
                secret_number=1,
                made_with=self.secrets.current,
                previous_made_with=None,
                previous_until=None,
                rotated_by=None,
            )
            await self._store(endpoint)
        elif endpoint.fingerprint != fingerprint:
            raise IdempotencyKeyReused("this Idempotency-Key was used for another endpoint")
        return endpoint, self._secret(endpoint)

    async def all(self, tenant_id: TenantId) -> list[WebhookEndpoint]:
        """List a tenant's endpoints, the oldest first."""
        await self.catch_up()
        return self.table.of(tenant_id)

    async def one(self, tenant_id: TenantId, text: str) -> WebhookEndpoint:
        """Find an endpoint of this tenant; raises WebhookNotFound."""
        await self.catch_up()
        endpoint = self.table.get(EndpointId(text)) if is_id(text) else None
        if endpoint is None or endpoint.tenant_id != tenant_id:
            raise WebhookNotFound(f"no webhook endpoint {text}")
        return endpoint

    async def change(self, write: WriteRequest, text: str, patch: EndpointPatch) -> WebhookEndpoint:
        """Change what is given; raises WebhookNotFound."""
        endpoint = await self.one(write.tenant_id, text)
        given = patch.model_dump(exclude_unset=True)
        is_enabled = given.pop("is_enabled", None)
        if given:
            endpoint = replace(endpoint, **given)
            await self._store(endpoint)
        if is_enabled is not None:
            await self._switch(write, endpoint, is_enabled=is_enabled)
        return endpoint

    async def remove(self, write: WriteRequest, text: str) -> WebhookEndpoint:
        """Remove an endpoint and its secrets; raises WebhookNotFound.

        The key of its target is destroyed first: whatever is not forgotten yet cannot be read.
        """
        endpoint = await self.one(write.tenant_id, text)
        erasure = Erasure(
            tenant_id=endpoint.tenant_id,
            entity_id=endpoint.endpoint_id,
            erased_at=write.received_at,
        )
        try:
            await asyncio.to_thread(self.keys.erase, [erasure])
        except OSError as error:
            raise KeysLost(f"the keyring cannot be written: {error}") from error
        await forget_endpoint(self.sender, endpoint.endpoint_id)
        self.table.remove(endpoint.endpoint_id)
        return endpoint

    async def rotate(self, write: WriteRequest, text: str) -> tuple[WebhookEndpoint, str]:
        """Make a new secret; for a day the old one signs too. Raises WebhookNotFound."""
        endpoint = await self.one(write.tenant_id, text)
        if endpoint.rotated_by != write.command_id:
            endpoint = replace(
                endpoint,
                secret_number=endpoint.secret_number + 1,
                made_with=self.secrets.current,
                previous_made_with=endpoint.made_with,
                previous_until=write.received_at + _BOTH_SIGN_FOR,
                rotated_by=write.command_id,
            )
            await self._store(endpoint)
        return endpoint, self._secret(endpoint)

    async def test(self, write: WriteRequest, text: str) -> str:
        """Send a made-up event and name it; raises WebhookNotFound, WebhookIsDisabled."""
        endpoint = await self._enabled(write.tenant_id, text)
        timestamp = format_timestamp(write.received_at)
        body = {"type": _TEST, "timestamp": timestamp, "data": {"event_id": write.command_id}}
        delivery = WebhookDelivery(
            delivery_id=f"msg_test_{write.command_id.replace('-', '')}",
            endpoint_id=endpoint.endpoint_id,
            tenant_id=endpoint.tenant_id,
            entity_id=endpoint.endpoint_id,
            event_id=EventId(write.command_id),
            event_type=_TEST,
            body=json.dumps(body, separators=(",", ":")),
            ordered_at=write.received_at,
            is_redelivery=False,
            attempts=0,
            not_before=None,
        )
        await self.sender.send(WEBHOOK_DELIVERIES, endpoint.endpoint_id, encode(delivery))
        return delivery.delivery_id

    async def redeliver(
        self, write: WriteRequest, text: str, body: RedeliveryBody
    ) -> WebhookRedelivery:
        """Order the events of a period to be delivered again.

        Raises WebhookNotFound, WebhookIsDisabled.
        """
        endpoint = await self._enabled(write.tenant_id, text)
        ordered = WebhookRedelivery(
            redelivery_id=write.command_id,
            endpoint_id=endpoint.endpoint_id,
            tenant_id=endpoint.tenant_id,
            since=body.since,
            until=min(body.until or write.received_at, write.received_at),
            event_types=body.types or endpoint.event_types,
            positions=(),
            ends=(),
        )
        await self.sender.send(WEBHOOK_REDELIVERIES, endpoint.endpoint_id, encode(ordered))
        return ordered

    async def deliveries(
        self, tenant_id: TenantId, text: str, at_most: int
    ) -> list[WebhookAttempt]:
        """List the last attempts, the newest first; raises WebhookNotFound."""
        endpoint = await self.one(tenant_id, text)
        return await self.log.latest(tenant_id, endpoint.endpoint_id, at_most)

    async def _enabled(self, tenant_id: TenantId, text: str) -> WebhookEndpoint:
        endpoint = await self.one(tenant_id, text)
        if not self.table.is_on(endpoint.endpoint_id):
            raise WebhookIsDisabled("the endpoint is switched off; enable it first")
        return endpoint

    async def _store(self, endpoint: WebhookEndpoint) -> None:
        await store_endpoint(self.sender, endpoint)
        self.table.put(endpoint)

    async def _switch(
        self, write: WriteRequest, endpoint: WebhookEndpoint, *, is_enabled: bool
    ) -> None:
        health = EndpointHealth(endpoint_id=endpoint.endpoint_id)
        if not is_enabled:
            health = replace(health, disabled_at=write.received_at, disabled_because="asked")
        await store_health(self.sender, health)
        self.table.put(health)

    def _secret(self, endpoint: WebhookEndpoint) -> str:
        return self.secrets.text(endpoint.endpoint_id, endpoint.secret_number, endpoint.made_with)
