"""The webhook sender: posts one signed delivery to an address that the guard chose."""

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from standardwebhooks import Webhook

from domain.failures import FailureCode
from domain.source_url.addresses import Network
from domain.webhook.delivery import WebhookDelivery
from domain.webhook.endpoint import WebhookEndpoint
from read_models.webhooks.signing_secrets import WebhookSecrets
from streams.ingestion.fetcher import FetchFailed, FetchLimits, Resolver
from streams.outbound_http.address_guard import AddressGuard
from streams.outbound_http.http_exchange import exchange
from streams.outbound_http.retry_after import retry_after_seconds

_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_USER_AGENT = "ScaleHoster/0.1 (webhooks)"
_SAID: dict[FailureCode, str] = {
    "blocked_address": "the host is not on the public internet",
    "dns_failure": "the host name could not be looked up",
    "connect_failure": "the endpoint could not be reached",
    "tls_failure": "the endpoint's TLS certificate or protocol was refused",
    "timeout": "the endpoint did not answer in time",
    "too_large": "the endpoint's answer has too many headers",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResponse:
    """What came of an attempt; ``detail`` may be shown to the customer.

    It repeats nothing that a server said but the status, and is the same for every address that we
    refuse.
    """

    status: int | None
    detail: str
    seconds: float
    retry_after_seconds: float | None = None

    @property
    def is_well(self) -> bool:
        """Whether the endpoint has taken it."""
        return self.status is not None and self.status in _OK


class WebhookSender:
    """Posts deliveries; one per process, used by many tasks at once.

    As with downloads, a connection goes only to an address that was looked up for it and found
    public, or belongs to an exact ``host:port`` of ``allowed_origins``; what lies in
    ``refused_networks`` counts as not public. Redirects are not followed
    and bodies of answers are not read.
    """

    def __init__(
        self,
        resolver: Resolver,
        secrets: WebhookSecrets,
        *,
        timeout_seconds: float,
        allowed_origins: AbstractSet[str] = frozenset(),
        refused_networks: Sequence[Network] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = FetchLimits(max_body_bytes=0)
        self._guard = AddressGuard(resolver, self._limits, allowed_origins, refused_networks)
        self._secrets = secrets
        self._timeout_seconds = timeout_seconds
        self._tls = tls or ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])

    async def post(
        self, endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: datetime
    ) -> DeliveryResponse:
        """Try a delivery once; whatever goes wrong is an answer too."""
        began = time.monotonic()
        status, retry_after = None, None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                status, retry_after = await self._exchange(endpoint, delivery, now)
            detail = _detail(status)
        except FetchFailed as failed:
            detail = _SAID.get(failed.code, failed.detail)
        except TimeoutError:
            detail = _SAID["timeout"]
        except Exception:  # a fault of ours must not stop what waits behind it
            log.exception("delivery %s to %s failed", delivery.delivery_id, endpoint.endpoint_id)
            detail = "something went wrong on our side"
        return DeliveryResponse(
            status=status,
            detail=detail,
            seconds=time.monotonic() - began,
            retry_after_seconds=retry_after,
        )

    async def _exchange(
        self, endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: datetime
    ) -> tuple[int, float | None]:
        url = self._guard.read(endpoint.url)
        headers = self._headers(endpoint, delivery, now)
        body = delivery.body.encode()
        address = await self._guard.pin(url, endpoint.tenant_id)
        async with exchange(
            url, address, headers, tls=self._tls, limits=self._limits, posted=body
        ) as answer:
            return answer.status, retry_after_seconds(answer.value("retry-after"))

    def _headers(
        self, endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: datetime
    ) -> dict[str, str]:
        signatures = [
            Webhook(secret).sign(delivery.delivery_id, now, delivery.body)
            for secret in self._signing(endpoint, now)
        ]
        return {
            "User-Agent": _USER_AGENT,
            "Content-Type": "application/json",
            "Content-Length": str(len(delivery.body.encode())),
            "Connection": "close",
            "webhook-id": delivery.delivery_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _signing(self, endpoint: WebhookEndpoint, now: datetime) -> list[str]:
        """List the secrets that sign: the current one, and for a while the one before it."""
        endpoint_id, number = endpoint.endpoint_id, endpoint.secret_number
        secrets = [self._secrets.text(endpoint_id, number, endpoint.made_with)]
        until, made_with = endpoint.previous_until, endpoint.previous_made_with
        if until is not None and made_with is not None and now < until:
            secrets.append(self._secrets.text(endpoint_id, number - 1, made_with))
        return secrets


def _detail(status: int) -> str:
    if status in _OK:
        return "delivered"
    if status in _REDIRECTS:
        return f"the endpoint redirects (status {status}); redirects are not followed"
    return f"the endpoint answered with status {status}"
