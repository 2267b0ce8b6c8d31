"""Resume tokens: how far a client of the feed has read each partition of the log."""

import json
from collections.abc import Mapping, Sequence

from domain.values import TenantId
from query_api.errors import FeedPlaceRefused
from query_api.signed_tokens import TokenSigner

_LABEL = b"scalehoster feed place 1"

Offsets = Mapping[int, int]  # partition → next offset


class ResumeTokens:
    """Writes and reads the ids of the feed, each of which holds for one tenant and one log.

    ``log_id`` names the log: a restored one has other offsets (see docs/adr/0039). An id names the
    next offset of every partition, not one event: the partitions of the log have no common order,
    and only all offsets together say what a client has seen and what not.
    """

    def __init__(self, secrets: Sequence[str], partitions: int, log_id: str = "") -> None:
        self.log_id = log_id
        self._signer = TokenSigner(secrets, _LABEL)
        self._partitions = partitions

    def encode(self, offsets: Offsets, tenant_id: TenantId) -> str:
        """Write an id."""
        body = json.dumps([offsets[number] for number in range(self._partitions)]).encode()
        return self._signer.sign(body, [tenant_id, self.log_id])

    def decode(self, text: str, tenant_id: TenantId) -> dict[int, int]:
        """Read an id; raises FeedPlaceRefused for one that is none of this tenant's."""
        body = self._signer.verify(text, [tenant_id, self.log_id])
        offsets = json.loads(body) if body is not None else []
        if len(offsets) != self._partitions:
            raise FeedPlaceRefused(
                "this is no id of this feed; without Last-Event-ID it begins with what happens now",
                errors=[{"detail": "not an id of this feed", "parameter": "Last-Event-ID"}],
            )
        return dict(enumerate(offsets))
