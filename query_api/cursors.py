"""Cursors: where the next page of a listing begins, sealed so that nobody can make one up."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from query_api.errors import CursorRefused
from query_api.listing import Place

_LABEL = b"scalehoster listing cursor 1"
_SEAL_BYTES = 16
_MAX_CHARACTERS = 512


class Cursors:
    """Writes and reads cursors that hold for one tenant and one query.

    The first secret seals, every one of them is accepted, so that a secret can be replaced without
    breaking the pages that people are on. Nothing in a cursor depends on how the views are built.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        keys = (hmac.digest(secret.encode(), _LABEL, "sha256") for secret in secrets)
        self._hashes = [hmac.new(key, digestmod="sha256") for key in keys]

    def seal(self, place: Place, bound_to: Sequence[str]) -> str:
        """Write the cursor of a place in the listing that ``bound_to`` names."""
        body = json.dumps([place.bucket, place.created_at_us, place.asset_id]).encode()
        seal = _seal(self._hashes[0], body, bound_to)
        return urlsafe_b64encode(seal + body).rstrip(b"=").decode()

    def open(self, cursor: str, bound_to: Sequence[str]) -> Place:
        """Read the place out of a cursor.

        Raises CursorRefused for a cursor that is garbled, forged, or of another tenant or query.
        """
        seal, body = _parts(cursor)
        if not any(hmac.compare_digest(seal, _seal(each, body, bound_to)) for each in self._hashes):
            raise _refused()
        bucket, created_at_us, asset_id = json.loads(body)
        return Place(bucket=bucket, created_at_us=created_at_us, asset_id=asset_id)


def _seal(prepared: hmac.HMAC, body: bytes, bound_to: Sequence[str]) -> bytes:
    keyed = prepared.copy()
    keyed.update(json.dumps(list(bound_to)).encode() + b"\0" + body)  # JSON has no zero byte
    return keyed.digest()[:_SEAL_BYTES]


def _parts(cursor: str) -> tuple[bytes, bytes]:
    """Take a cursor apart; nothing in it is believed yet."""
    try:
        sealed = urlsafe_b64decode(cursor[:_MAX_CHARACTERS] + "=" * (-len(cursor) % 4))
    except ValueError:
        raise _refused() from None
    if urlsafe_b64encode(sealed).rstrip(b"=").decode() != cursor:
        raise _refused()  # base 64 forgives characters that do not belong in it; we do not
    return sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]


def _refused() -> CursorRefused:
    return CursorRefused(
        "this cursor does not belong to this query; take it from `next` of the page before, "
        "and keep all other parameters as they were",
        errors=[{"detail": "not a cursor of this query", "parameter": "cursor"}],
    )
