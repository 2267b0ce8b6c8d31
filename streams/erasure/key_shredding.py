"""Crypto-shredding: the key of each purged asset is destroyed in the installation's keyring."""

from collections.abc import Callable, Sequence
from datetime import datetime

from domain.asset.events import AssetPurged
from infra.encryption import Erasure, KeyringFile


def shred_keys(
    keyring: KeyringFile, clock: Callable[[], datetime], purges: Sequence[AssetPurged]
) -> None:
    """Destroy the keys of purged assets; raises KeysLost, OSError."""
    keyring.erase(
        Erasure(
            tenant_id=each.metadata.tenant_id,
            entity_id=each.metadata.entity_id,
            erased_at=clock(),
        )
        for each in purges
    )
