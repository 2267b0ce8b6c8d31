"""What a purge asks for beyond its bytes: the key destroyed, and a note that all of it is done."""

from collections.abc import Callable, Sequence
from datetime import datetime

from avro_schemas.codec import encode
from domain.asset.commands import ConfirmErasure
from domain.asset.discarded_blobs import BlobsDiscarded
from domain.asset.events import AssetPurged
from domain.commands import CommandMetadata
from domain.identity import erasure_command_id
from domain.values import Actor, EventId
from infra.encryption import Erasure, KeyringFile
from infra.kafka.topics import ASSET_COMMANDS
from streams.runtime.durable_producer import RecordSender, send_until_durable

_PURGER = Actor("system:purger")


class KeyShredder:
    """Carries that out with the installation's keyring and its log."""

    def __init__(
        self, keyring: KeyringFile, sender: RecordSender, clock: Callable[[], datetime]
    ) -> None:
        self._keyring = keyring
        self._sender = sender
        self._clock = clock

    def erase(self, purges: Sequence[AssetPurged]) -> None:
        """Destroy the keys of purged assets; raises KeysLost, OSError."""
        self._keyring.erase(
            Erasure(
                tenant_id=each.metadata.tenant_id,
                entity_id=each.metadata.entity_id,
                erased_at=self._clock(),
            )
            for each in purges
        )

    async def confirm(self, done: BlobsDiscarded) -> None:
        """Ask the decider to note that a purge is done; asked again it is noted once."""
        command = ConfirmErasure(
            metadata=CommandMetadata(
                command_id=erasure_command_id(done.purge_id or EventId("")),
                tenant_id=done.tenant_id,
                entity_id=done.asset_id,
                issued_at=self._clock(),
                correlation_id=done.correlation_id,
                actor=_PURGER,
                expected_version=None,
                fingerprint=None,
                reply_partition=None,
            )
        )
        await send_until_durable(self._sender, ASSET_COMMANDS, done.asset_id, encode(command))
