"""The key of a manifest's chain: without it nobody can make or alter an archive."""

import hmac
from hashlib import sha256
from pathlib import Path

from backup.errors import ChainKeyWrong
from infra.secrets import InstallationSecrets

_LABEL = b"scalehoster archive 1"


def read_chain_key(file: Path | None) -> bytes | None:
    """Derive the key from a file that holds one secret as text; None without a file.

    Raises ChainKeyWrong when the file is missing, or the secret too weak.
    """
    if file is None:
        return None
    try:
        secrets = InstallationSecrets(file.read_text("utf-8").strip())
    except (OSError, ValueError) as error:
        raise ChainKeyWrong(f"{file} holds no key for archives: {error}") from None
    if len(secrets.texts) != 1:
        raise ChainKeyWrong(f"{file} holds {len(secrets.texts)} secrets; wanted is one")
    return hmac.digest(secrets.texts[0].encode(), _LABEL, "sha256")


def chain_link(key: bytes | None, previous: str, entry: bytes) -> str:
    """Return the ``chain`` of an entry, given that of the entry before."""
    message = previous.encode() + entry
    if key is None:
        return sha256(message).hexdigest()
    return hmac.digest(key, message, "sha256").hex()


def require_matching_key(key: bytes | None, *, is_keyed: bool, where: Path) -> None:
    """Raise ChainKeyWrong when an archive that is keyed is read without a key, or the reverse."""
    if is_keyed and key is None:
        raise ChainKeyWrong(f"{where} was made with a key: name its file with --key-file")
    if key is not None and not is_keyed:
        raise ChainKeyWrong(
            f"{where} was made without a key: anybody could have made it. Without --key-file it is"
            " read all the same"
        )
