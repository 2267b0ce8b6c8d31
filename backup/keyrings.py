"""Keyrings of archives: kept apart from the archive, unless all personal data is masked."""

from pathlib import Path

from backup.errors import RestoreRefused
from backup.manifest import Manifest
from infra.encryption import KeyringFile

NAME = "keyring"


def archive_keyring(directory: Path) -> KeyringFile:
    """Return the keyring that a masked copy brings along, readable by everybody."""
    return KeyringFile(directory / NAME, [""])


def require_keys(
    directory: Path, keyring: KeyringFile, place: Path, chain_key: bytes | None = None
) -> None:
    """Require that the installation has the keyring of an archive; a masked copy brings its own.

    Raises RestoreRefused when it has none or others, KeysLost when its keyring cannot be opened.
    """
    origin = Manifest.load(directory, chain_key).origin
    if origin.is_masked and not keyring.exists():
        keyring.make(archive_keyring(directory).ring())
    if not keyring.exists():
        raise RestoreRefused(
            f"there is no keyring at {place}: copy that of the exported installation there first;"
            " without it nothing personal could be read"
        )
    held = keyring.ring().ring_id.hex()
    if held != origin.keyring:
        raise RestoreRefused(
            f"the archive was sealed by the keyring {origin.keyring}, and {place} is {held}: put"
            " that of the exported installation there"
        )
