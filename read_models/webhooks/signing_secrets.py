"""Signing secrets of webhook endpoints: worked out from the installation's secret, kept nowhere."""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

from domain.webhook.endpoint import EndpointId
from infra.errors import SettingsWrong

_LABEL = b"scalehoster webhook secret 1"
_MARK_DIGITS = 16
_PREFIX = "whsec_"


class WebhookSecrets:
    """Makes the secret of an endpoint from its id and a number that grows when it is rotated.

    The first of ``SCALEHOSTER_SECRET`` makes new ones; an endpoint names the one that its own was
    made with, so it signs alike for as long as that one is still among them.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = {_mark(secret): secret.encode() for secret in secrets}
        self.current = next(iter(self._keys))

    def text(self, endpoint_id: EndpointId, number: int, made_with: str) -> str:
        """Give a secret as Standard Webhooks writes it: ``whsec_`` and base 64.

        Raises SettingsWrong when the secret of the installation that made it is no longer set.
        """
        key = self._keys.get(made_with)
        if key is None:
            raise SettingsWrong("a webhook was made with a SCALEHOSTER_SECRET that is not set here")
        message = b"\0".join((_LABEL, endpoint_id.encode(), b"%d" % number))
        return _PREFIX + b64encode(hmac.digest(key, message, "sha256")).decode()


def _mark(secret: str) -> str:
    """Name a secret without telling it."""
    return sha256(_LABEL + b"\0mark\0" + secret.encode()).hexdigest()[:_MARK_DIGITS]
