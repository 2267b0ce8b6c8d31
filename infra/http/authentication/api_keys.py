"""API keys: how they are made, stored and revoked.

A key is ``shk_``, 192 random bits and their CRC-32, all in letters and digits, so that scanners
tell it from noise. Only its SHA-256 is stored (a slow hash guards guessable secrets; this is none).
The compacted topic api-keys holds one JSON object a key, not Avro: it is read whole at each start,
never replayed into a view, and an operator who hunts a leaked key must be able to read it bare.
"""

import asyncio
import json
import secrets
from binascii import crc32
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, get_args

from domain.errors import NotFound
from domain.values import Sha256, TenantId
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer, RecordSender
from infra.kafka.topics import API_KEYS

Scope = Literal["assets:write", "assets:read", "webhooks", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_PREFIX = "shk_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_BITS = 192
_SECRET_DIGITS = 33  # 62 ** 33 > 2 ** 192
_CHECK_DIGITS = 6  # 62 ** 6 > 2 ** 32
_KEY_LENGTH = len(_PREFIX) + _SECRET_DIGITS + _CHECK_DIGITS
_VERSION = 1


class ApiKeyNotFound(NotFound):
    """No API key has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is stored: everything but the key itself."""

    key_id: str
    tenant_id: TenantId
    scopes: tuple[Scope, ...]
    name: str
    sha256: Sha256
    issued_at: datetime
    revoked_at: datetime | None


async def issue_api_key(
    sender: RecordSender,
    *,
    tenant_id: TenantId,
    scopes: tuple[Scope, ...],
    name: str,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is nowhere else: show it once.

    Raises Overloaded or BrokerUnavailable; the key may then exist, and nobody knows it.
    """
    text = new_api_key_text()
    api_key = ApiKey(
        key_id=f"key_{secrets.token_hex(8)}",
        tenant_id=tenant_id,
        scopes=scopes,
        name=name,
        sha256=api_key_digest(text),
        issued_at=now,
        revoked_at=None,
    )
    await sender.send(API_KEYS, api_key.key_id, api_key_to_json(api_key))
    return api_key, text


async def revoke_api_key(sender: RecordSender, api_key: ApiKey, *, now: datetime) -> ApiKey:
    """Make a key worthless in every process; raises Overloaded or BrokerUnavailable."""
    revoked = replace(api_key, revoked_at=api_key.revoked_at or now)
    await sender.send(API_KEYS, revoked.key_id, api_key_to_json(revoked))
    return revoked


def stored_api_keys(kafka: Kafka) -> dict[str, ApiKey]:
    """Read every key by its id, the revoked ones too; raises BrokerUnavailable."""
    with read_from_beginning(kafka, API_KEYS) as reader:
        found = [api_key_from_json(record.value) for record in reader.read_to_end() if record.value]
    return {api_key.key_id: api_key for api_key in found}


def stored_api_key(kafka: Kafka, key_id: str) -> ApiKey:
    """Find one key to revoke; raises ApiKeyNotFound, BrokerUnavailable."""
    found = stored_api_keys(kafka).get(key_id)
    if found is None:
        raise ApiKeyNotFound(f"no API key {key_id}")
    return found


def create_api_key(
    kafka: Kafka, tenant_id: TenantId, scopes: tuple[Scope, ...], name: str
) -> tuple[ApiKey, str]:
    """Issue a key outside of any event loop, by a producer of its own; see issue_api_key."""

    async def issue() -> tuple[ApiKey, str]:
        async with RecordProducer(kafka) as sender:
            return await issue_api_key(
                sender, tenant_id=tenant_id, scopes=scopes, name=name, now=datetime.now(UTC)
            )

    return asyncio.run(issue())


def withdraw_api_key(kafka: Kafka, key_id: str) -> ApiKey:
    """Revoke a key outside of any event loop; raises ApiKeyNotFound, BrokerUnavailable."""

    async def revoke() -> ApiKey:
        async with RecordProducer(kafka) as sender:
            found = stored_api_key(kafka, key_id)
            return await revoke_api_key(sender, found, now=datetime.now(UTC))

    return asyncio.run(revoke())


def new_api_key_text() -> str:
    """Make up a key."""
    return _with_check(_PREFIX + _digits(secrets.randbits(_SECRET_BITS), _SECRET_DIGITS))


def is_well_formed(text: str) -> bool:
    """Tell whether this can be a key at all: its form and its checksum, no look-up."""
    is_shaped = len(text) == _KEY_LENGTH and text.startswith(_PREFIX) and text.isascii()
    return is_shaped and _with_check(text[:-_CHECK_DIGITS]) == text


def api_key_digest(text: str) -> Sha256:
    """Name a key without knowing it."""
    return Sha256(sha256(text.encode()).hexdigest())


def api_key_to_json(api_key: ApiKey) -> bytes:
    """Write a key as it lies in the topic."""
    revoked_at = api_key.revoked_at and api_key.revoked_at.isoformat()
    record = {
        "version": _VERSION,
        **asdict(api_key),
        "issued_at": api_key.issued_at.isoformat(),
        "revoked_at": revoked_at,
    }
    return json.dumps(record).encode()


def api_key_from_json(value: bytes) -> ApiKey:
    """Read what ``api_key_to_json`` wrote; raises ValueError for anything else."""
    record = json.loads(value)
    if not isinstance(record, dict) or record.pop("version", None) != _VERSION:
        raise ValueError("not an API key of a version that we know")
    revoked_at = record["revoked_at"]
    return ApiKey(
        key_id=record["key_id"],
        tenant_id=record["tenant_id"],
        scopes=tuple(record["scopes"]),
        name=record["name"],
        sha256=record["sha256"],
        issued_at=datetime.fromisoformat(record["issued_at"]),
        revoked_at=None if revoked_at is None else datetime.fromisoformat(revoked_at),
    )


def _with_check(text: str) -> str:
    return text + _digits(crc32(text.encode()), _CHECK_DIGITS)


def _digits(number: int, count: int) -> str:
    digits = ""
    for _ in range(count):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
