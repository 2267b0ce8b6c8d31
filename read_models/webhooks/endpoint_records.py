"""The records of webhook endpoints in their compacted topic.

They are JSON, as in api-keys; the topic is read whole at each start. An endpoint has two records:
under its id what its tenant wants, written by the command API, and under ``<id>/health`` its
health, written by the notifier that owns it and by the command API that enables it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import get_args

from avro_schemas.encryption import Subject, process_encryptor
from domain.webhook.endpoint import DisabledBecause, EndpointHealth, EndpointId, WebhookEndpoint
from infra.kafka.producer import RecordSender
from infra.kafka.topics import WEBHOOK_ENDPOINTS

_VERSION = 1
_HEALTH = "/health"
_PERSONAL = ("url", "description")
_MOMENTS = ("registered_at", "previous_until", "failing_since", "disabled_at")


async def store_endpoint(sender: RecordSender, endpoint: WebhookEndpoint) -> None:
    """Register an endpoint, or change it; raises Overloaded or BrokerUnavailable."""
    await sender.send(WEBHOOK_ENDPOINTS, endpoint.endpoint_id, endpoint_record_to_json(endpoint))


async def store_health(sender: RecordSender, health: EndpointHealth) -> None:
    """Write the health of an endpoint; raises Overloaded or BrokerUnavailable."""
    await sender.send(
        WEBHOOK_ENDPOINTS, health.endpoint_id + _HEALTH, endpoint_record_to_json(health)
    )


async def forget_endpoint(sender: RecordSender, endpoint_id: EndpointId) -> None:
    """Remove an endpoint; raises Overloaded or BrokerUnavailable, and may then be done again."""
    await sender.send(WEBHOOK_ENDPOINTS, endpoint_id, None)
    await sender.send(WEBHOOK_ENDPOINTS, endpoint_id + _HEALTH, None)


def endpoint_record_to_json(stored: WebhookEndpoint | EndpointHealth) -> bytes:
    """Encode a record, its URL and description encrypted; raises KeysLost."""
    record = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(stored).items()
    }
    if isinstance(stored, WebhookEndpoint):
        subject = stored.tenant_id, stored.endpoint_id
        record |= {name: _sealed(record[name], name, subject) for name in _PERSONAL}
    return json.dumps({"version": _VERSION, **record}).encode()


def endpoint_record_from_json(value: bytes) -> WebhookEndpoint | EndpointHealth:
    """Decode what ``endpoint_record_to_json`` encoded.

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
    """Set the offsets from which a stored endpoint gets events; keep any other record."""
    try:
        record = json.loads(value)
    except ValueError:
        return value
    if not isinstance(record, dict) or "starts_at" not in record:
        return value
    return json.dumps({**record, "starts_at": starts}).encode()


def endpoint_of(key: str) -> EndpointId:
    """Return the endpoint that a record of the topic belongs to."""
    return EndpointId(key.removesuffix(_HEALTH))


def is_health(key: str) -> bool:
    """Return True for the key of a health record."""
    return key.endswith(_HEALTH)


def start_offsets_of(ends: Mapping[int, int]) -> tuple[int, ...]:
    """Return the ends of all partitions in the form that an endpoint keeps."""
    return tuple(ends[partition] for partition in sorted(ends))


def _sealed(text: str, name: str, subject: Subject) -> str:
    return (process_encryptor().encrypt(subject, text.encode(), name) or b"").hex()


def _opened(sealed: str, name: str) -> str:
    return (
        (process_encryptor().decrypt(bytes.fromhex(sealed), name) or b"").decode() if sealed else ""
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
