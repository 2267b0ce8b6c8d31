"""Webhook endpoints: how they are stored, and what is known of how they fare.

The compacted topic webhook-endpoints holds JSON, as api-keys does: it is read whole at each start.
An endpoint has two records: what its tenant wants under its id, written by the command API, and how
it fares under ``<id>/health``, written by the notifier that owns it (and by whoever enables it).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, get_args

from avro_schemas.encryption import Subject, encryptor
from domain.values import CommandId, TenantId
from domain.webhook.endpoint import EndpointId
from infra.kafka.producer import RecordSender
from infra.kafka.topics import WEBHOOK_ENDPOINTS

DisabledBecause = Literal["gone", "failing", "asked"]

_VERSION = 1
_HEALTH = "/health"
_PERSONAL = ("url", "description")
_MOMENTS = ("registered_at", "previous_until", "failing_since", "disabled_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """Where a tenant wants to be told of which events.

    ``starts_at`` is where each partition of asset-events ended when it was registered: it is told
    all from there on. ``fingerprint`` is that of the request. ``secret_number`` grows when the
    secret is rotated, last ``rotated_by`` this request; until ``previous_until`` the one before
    signs too.
    """

    endpoint_id: EndpointId
    tenant_id: TenantId
    url: str
    event_types: tuple[str, ...]
    description: str
    registered_at: datetime
    starts_at: tuple[int, ...]
    fingerprint: str
    secret_number: int
    made_with: str
    previous_made_with: str | None
    previous_until: datetime | None
    rotated_by: CommandId | None

    def wants(self, event_type: str, partition: int, offset: int) -> bool:
        """Tell whether it is to be told of this event when it happens."""
        return event_type in self.event_types and offset >= self.starts_at[partition]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealth:
    """How an endpoint fares: since when nothing works, and whether it was switched off."""

    endpoint_id: EndpointId
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_because: DisabledBecause | None = None


async def store_endpoint(sender: RecordSender, endpoint: WebhookEndpoint) -> None:
    """Make an endpoint, or change it; raises Overloaded or BrokerUnavailable."""
    await sender.send(WEBHOOK_ENDPOINTS, endpoint.endpoint_id, endpoint_record_to_json(endpoint))


async def store_health(sender: RecordSender, health: EndpointHealth) -> None:
    """Note how an endpoint fares; raises Overloaded or BrokerUnavailable."""
    await sender.send(
        WEBHOOK_ENDPOINTS, health.endpoint_id + _HEALTH, endpoint_record_to_json(health)
    )


async def forget_endpoint(sender: RecordSender, endpoint_id: EndpointId) -> None:
    """Remove an endpoint; raises Overloaded or BrokerUnavailable, and may then be done again."""
    await sender.send(WEBHOOK_ENDPOINTS, endpoint_id, None)
    await sender.send(WEBHOOK_ENDPOINTS, endpoint_id + _HEALTH, None)


def endpoint_record_to_json(stored: WebhookEndpoint | EndpointHealth) -> bytes:
    """Write a record as it lies in the topic, URL and description sealed; raises KeysLost."""
    record = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(stored).items()
    }
    if isinstance(stored, WebhookEndpoint):
        subject = stored.tenant_id, stored.endpoint_id
        record |= {name: _sealed(record[name], name, subject) for name in _PERSONAL}
    return json.dumps({"version": _VERSION, **record}).encode()


def endpoint_record_from_json(value: bytes) -> WebhookEndpoint | EndpointHealth:
    """Read what ``endpoint_record_to_json`` wrote.

    Raises ValueError, InvalidCiphertext, KeysLost.
    """
    record = json.loads(value)
    if not isinstance(record, dict) or record.pop("version", None) != _VERSION:
        raise ValueError("not a webhook endpoint of a version that we know")
    record |= {name: _moment(record[name]) for name in _MOMENTS if name in record}
    if "disabled_because" in record:
        because = record["disabled_because"]
        if because is not None and because not in get_args(DisabledBecause):
            raise ValueError(f"disabled because of {because!r}, whatever that is")
        return EndpointHealth(**record)
    record |= {name: _opened(record[name], name) for name in _PERSONAL}
    lists = {name: tuple(record[name]) for name in ("event_types", "starts_at")}
    return WebhookEndpoint(**record | lists)


def with_start_offsets(starts: tuple[int, ...], value: bytes) -> bytes:
    """Have a stored endpoint be told all from these offsets on; any other record stays as it is."""
    try:
        record = json.loads(value)
    except ValueError:
        return value
    if not isinstance(record, dict) or "starts_at" not in record:
        return value
    return json.dumps({**record, "starts_at": starts}).encode()


def endpoint_of(key: str) -> EndpointId:
    """Name the endpoint that a record of the topic belongs to."""
    return EndpointId(key.removesuffix(_HEALTH))


def is_health(key: str) -> bool:
    """Tell the two kinds of records apart by their key."""
    return key.endswith(_HEALTH)


def start_offsets_of(ends: Mapping[int, int]) -> tuple[int, ...]:
    """Write the ends of all partitions as an endpoint keeps them."""
    return tuple(ends[partition] for partition in sorted(ends))


def _sealed(text: str, name: str, subject: Subject) -> str:
    return (encryptor().encrypt(subject, text.encode(), name) or b"").hex()


def _opened(sealed: str, name: str) -> str:
    return (encryptor().decrypt(bytes.fromhex(sealed), name) or b"").decode() if sealed else ""


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
