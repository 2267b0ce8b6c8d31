"""Keys for personal data: one for each entity, and each can be destroyed for good."""

from infra.encryption.installation import installation_keyring, use_keyring
from infra.encryption.keyring import WHOLE_TENANT, Erasure, Keyring
from infra.encryption.keyring_file import KeyringFile, new_keyring

__all__ = [
    "WHOLE_TENANT",
    "Erasure",
    "Keyring",
    "KeyringFile",
    "installation_keyring",
    "new_keyring",
    "use_keyring",
]
