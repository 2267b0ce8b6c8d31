"""The keys of what an archive holds: kept apart from it, unless all that is personal is masked."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid5

from avro_schemas.codec import encode
from cli.archive.errors import RestoreRefused
from cli.archive.manifest import Manifest
from domain.commands import CommandMetadata, DeleteAsset, PurgeAsset
from domain.values import Actor, CommandId, CorrelationId, TenantId
from infra.keyring import Erasure, KeyringFile

NAME = "keyring"

_RESTORE = Actor("system:restore")
_NAMESPACE = UUID("5b1f1f1e-63a5-5c8e-9a53-3d2b3a7d7a10")  # never changes: repeats are known by it


def own_keyring(directory: Path) -> KeyringFile:
    """Find the keys that a masked copy brings with it, open to everybody."""
    return KeyringFile(directory / NAME, [""])


def require_keys(directory: Path, keyring: KeyringFile, place: Path) -> None:
    """Have the installation hold the keys of an archive before it holds the archive.

    Raises RestoreRefused when it has none or others, KeysLost when its keyring cannot be opened.
    """
    origin = Manifest.load(directory).origin
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
