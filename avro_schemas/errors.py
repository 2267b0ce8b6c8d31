"""Errors of the wire format: bytes that hold no message, and keys that are missing.

Undecodable
├── UnknownSchema
└── InvalidCiphertext
KeysLost
"""

from domain.errors import ScaleHosterError


class Undecodable(Exception):
    """These bytes hold no message that can be read; reading them again will not help."""


class UnknownSchema(Undecodable):
    """The schema is not among ours; a newer release may know it."""


class InvalidCiphertext(Undecodable):
    """Encrypted bytes are not as they were encrypted."""


class KeysLost(ScaleHosterError):
    """Keys that should be there are not: nothing was erased, and nothing may be taken for erased.

    Nothing is lost as long as the keyring comes back; until then every reader of it stops.
    """
