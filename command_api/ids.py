"""New ids, which nobody can guess."""

import secrets
import time
from uuid import UUID

from avro_schemas.encryption import process_encryptor
from domain.identity import asset_id_for
from domain.values import AssetId, TenantId
from infra.http.errors import ApiKeyRefused

_RANDOM_BITS = 74
_ASSET_IDS = "asset-ids"  # the entity whose key makes them; no id looks like that


def uuid7() -> str:
    """Make a UUID of version 7 (RFC 9562 § 5.7): 48 bits of milliseconds, 74 of chance."""
    chance = secrets.randbits(_RANDOM_BITS)
    number = (time.time_ns() // 1_000_000) << 80
    number |= 0x7 << 76 | (chance >> 62) << 64 | 0b10 << 62 | chance & (1 << 62) - 1
    return str(UUID(int=number))


def keyed_asset_id(tenant_id: TenantId, idempotency_key: str) -> AssetId:
    """Name the asset that this key inserts, so that sending it again is the same insert.

    The name follows from a key of the tenant in the keyring: alike in every process, whatever else
    is erased or wrapped anew, for as long as the tenant is not erased. Then its API keys are
    revoked, and a request that came in before that raises ApiKeyRefused. Raises KeysLost.
    """
    secret = process_encryptor().encrypt((tenant_id, _ASSET_IDS), b"names assets", "secret")
    if secret is None:
        raise ApiKeyRefused("the tenant of this API key was erased")
    return asset_id_for(tenant_id, idempotency_key, secret)
