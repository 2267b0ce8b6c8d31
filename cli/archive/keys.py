"""The keys of what an archive holds: kept apart from it, unless all that is personal is masked."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid5

from avro_schemas.codec import decode, encode
from cli.archive.errors import RestoreRefused
from cli.archive.manifest import Manifest
from domain.commands import CommandMetadata, DeleteAsset, PurgeAsset
from domain.events import AssetSubmitted
from domain.values import Actor, CommandId, CorrelationId, TenantId
from infra.keyring import WHOLE_TENANT, Erasure, KeyringFile
from infra.reading import Record

NAME = "keyring"

_RESTORE = Actor("system:restore")
_NAMESPACE = UUID("5b1f1f1e-63a5-5c8e-9a53-3d2b3a7d7a10")  # never changes: repeats are known by it


def own_keyring(directory: Path) -> KeyringFile:
    """Find the keys that a masked copy brings with it, open to everybody."""
    return KeyringFile(directory / NAME, [""])


def require_keys(
    directory: Path, keyring: KeyringFile, place: Path, chain_key: bytes | None = None
) -> None:
    """Have the installation hold the keys of an archive before it holds the archive.

    Raises RestoreRefused when it has none or others, KeysLost when its keyring cannot be opened.
    """
    origin = Manifest.load(directory, chain_key).origin
    if origin.is_masked and not keyring.exists():
        keyring.make(own_keyring(directory).ring())
    if not keyring.exists():
        raise RestoreRefused(
            f"there is no keyring at {place}: copy that of the exported installation there first;"
            " without it nothing personal could be read"
        )
    held = keyring.ring().ring_id.hex()
    if held != origin.keyring:
        raise RestoreRefused(
            f"the archive was sealed by the keyring {origin.keyring}, and {place} is {held}: put"
            " that of the exported installation there"
        )


def of_single_assets(
    erasures: Iterable[Erasure], events: Callable[[], Iterator[Record]]
) -> Iterator[Erasure]:
    """Name each asset of the tenants that were erased whole, as a restored log has them.

    Raises BrokerUnavailable; the log is read only if there is such a tenant.
    """
    whole: dict[str, Erasure] = {}
    for erasure in erasures:
        if erasure.entity_id == WHOLE_TENANT:
            whole[erasure.tenant_id] = erasure
        else:
            yield erasure
    for record in events() if whole else ():
        event = decode(record.value)
        if isinstance(event, AssetSubmitted) and event.metadata.tenant_id in whole:
            yield replace(whole[event.metadata.tenant_id], entity_id=event.asset_id)


def erased_again(erasures: Iterable[Erasure], now: datetime) -> Iterator[tuple[str, bytes]]:
    """Spell, by key, the commands that erase once more what was erased after an export.

    What was erased before is left as it is; so they may be sent any number of times.
    """
    for erasure in erasures:
        for kind in (DeleteAsset, PurgeAsset):
            named = f"{kind.__name__}\n{erasure.tenant_id}\n{erasure.entity_id}"
            command_id = CommandId(str(uuid5(_NAMESPACE, named)))
            metadata = CommandMetadata(
                command_id=command_id,
                tenant_id=TenantId(erasure.tenant_id),
                entity_id=erasure.entity_id,
                issued_at=now,
                correlation_id=CorrelationId(command_id),
                actor=_RESTORE,
                expected_version=None,
                fingerprint=None,
                reply_partition=None,
            )
            yield erasure.entity_id, encode(kind(metadata=metadata))
