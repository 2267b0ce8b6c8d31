"""Cursors: where the next page of a listing begins, signed so that nobody can make one up."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from query_api.errors import CursorRefused
from query_api.signed_tokens import MAX_CHARACTERS, TokenSigner

ASSET_LISTING = b"scalehoster listing cursor 1"
CATEGORY_TREE = b"scalehoster category cursor 1"


class CursorCodec:
    """Writes and reads the cursors of one kind of listing, each valid for one tenant and one query.

    The first secret signs, every one of them is accepted, so that a secret can be replaced without
    breaking the pages that people are on. Nothing in a cursor depends on how the views are built.
    """

    def __init__(
        self, secrets: Sequence[str], kind: bytes = ASSET_LISTING, *, at_most: int = MAX_CHARACTERS
    ) -> None:
        self._signer = TokenSigner(secrets, kind, at_most=at_most)

    def encode(self, position: Sequence[str | int | None], bound_to: Sequence[str]) -> str:
        """Write the cursor of a position in the listing that ``bound_to`` names."""
        return self._signer.sign(json.dumps(position).encode(), bound_to)

    def decode(self, cursor: str, bound_to: Sequence[str]) -> Sequence[Any]:
        """Read the position out of a cursor.

        Raises CursorRefused for a cursor that is garbled, forged, or of another tenant or query.
        """
        body = self._signer.verify(cursor, bound_to)
        if body is None:
            raise CursorRefused(
                "this cursor does not belong to this query; take it from `next` of the page "
                "before, and keep all other parameters as they were",
                errors=[{"detail": "not a cursor of this query", "parameter": "cursor"}],
            )
        position: Sequence[Any] = json.loads(body)
        return position


def next_page_url(path: str, query: str, cursor: str) -> str:
    """Name the listing of a path and query again, from the cursor on."""
    sent = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in sent if name != "cursor"]
    return f"{quote(path)}?{urlencode([*kept, ('cursor', cursor)])}"
