"""Signed tokens: bytes that a client brings back exactly as they were given out to it."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

_SIGNATURE_BYTES = 16
MAX_CHARACTERS = 512


class TokenSigner:
    """Signs bytes of one kind, which ``label`` names; what they are bound to is not in them.

    The first secret signs, every one of them is accepted, so that a secret can be replaced. Text of
    more than ``at_most`` characters is none of ours.
    """

    def __init__(
        self, secrets: Sequence[str], label: bytes, *, at_most: int = MAX_CHARACTERS
    ) -> None:
        self._at_most = at_most
        keys = (hmac.digest(secret.encode(), label, "sha256") for secret in secrets)
        self._hashes = [hmac.new(key, digestmod="sha256") for key in keys]

    def sign(self, body: bytes, bound_to: Sequence[str]) -> str:
        """Write signed bytes as text that fits into a URL and a header."""
        signed = _signature(self._hashes[0], body, bound_to) + body
        return urlsafe_b64encode(signed).rstrip(b"=").decode()

    def verify(self, text: str, bound_to: Sequence[str]) -> bytes | None:
        """Read what was signed; None for what is garbled, forged, or bound to something else."""
        try:
            signed = urlsafe_b64decode(text[: self._at_most] + "=" * (-len(text) % 4))
        except ValueError:
            return None
        if urlsafe_b64encode(signed).rstrip(b"=").decode() != text:
            return None  # base 64 forgives characters that do not belong in it; we do not
        signature, body = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        valid = (_signature(each, body, bound_to) for each in self._hashes)
        return body if any(hmac.compare_digest(signature, each) for each in valid) else None


def _signature(prepared: hmac.HMAC, body: bytes, bound_to: Sequence[str]) -> bytes:
    keyed = prepared.copy()
    keyed.update(json.dumps(list(bound_to)).encode() + b"\0" + body)  # JSON has no zero byte
    return keyed.digest()[:_SIGNATURE_BYTES]
