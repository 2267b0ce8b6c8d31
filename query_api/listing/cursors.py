"""Cursors: where the next page of a listing begins, sealed so that nobody can make one up."""

import json
from collections.abc import Sequence

from query_api.errors import CursorRefused
from query_api.listing.page_reader import PageStart
from query_api.signed_tokens import TokenSigner

_LABEL = b"scalehoster listing cursor 1"


class CursorCodec:
    """Writes and reads cursors that hold for one tenant and one query.

    The first secret seals, every one of them is accepted, so that a secret can be replaced without
    breaking the pages that people are on. Nothing in a cursor depends on how the views are built.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._signer = TokenSigner(secrets, _LABEL)

    def seal(self, page_start: PageStart, bound_to: Sequence[str]) -> str:
        """Write the cursor of a place in the listing that ``bound_to`` names."""
        body = json.dumps(
            [page_start.bucket, page_start.created_at_us, page_start.asset_id]
        ).encode()
        return self._signer.seal(body, bound_to)

    def open(self, cursor: str, bound_to: Sequence[str]) -> PageStart:
        """Read the place out of a cursor.

        Raises CursorRefused for a cursor that is garbled, forged, or of another tenant or query.
        """
        body = self._signer.open(cursor, bound_to)
        if body is None:
            raise CursorRefused(
                "this cursor does not belong to this query; take it from `next` of the page "
                "before, and keep all other parameters as they were",
                errors=[{"detail": "not a cursor of this query", "parameter": "cursor"}],
            )
        bucket, created_at_us, asset_id = json.loads(body)
        return PageStart(bucket=bucket, created_at_us=created_at_us, asset_id=asset_id)
