"""Keys for personal data: one for each entity, and each can be destroyed for good."""

from infra.keyring.file import KeyringFile, new_keyring
from infra.keyring.keyring import WHOLE_TENANT, Erasure, Keyring
from infra.keyring.opening import installation_keyring, use_keyring

__all__ = [
    "WHOLE_TENANT",
    "Erasure",
    "Keyring",
    "KeyringFile",
    "installation_keyring",
    "new_keyring",
    "use_keyring",
]
