"""The keys that all tests share: the same in this process and in the services it starts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avro_schemas.encryption import Encryptor, process_encryptor, use_encryptor
from infra.encryption import Keyring, KeyringFile
from infra.encryption.secret_tree import SecretTree

FILE = "SCALEHOSTER_KEYS__FILE"
ROOT = b"known to everybody, of no value!"


def fixed_keyring() -> Keyring:
    """Give the same keys in every run, so that golden files can be sealed."""
    return Keyring(b"test", SecretTree.from_root(ROOT), ())


def share_keys(directory: Path) -> None:
    """Have this process and its children use them, whatever data directory they are given."""
    file = KeyringFile(directory / "keyring", [""])
    file.make(fixed_keyring())
    use_encryptor(file)
    os.environ[FILE] = str(directory / "keyring")


@contextmanager
def using_encryptor(encryptor: Encryptor) -> Iterator[None]:
    """Have this process use other keys for a while, as if it had been started with them."""
    before = process_encryptor()
    use_encryptor(encryptor)
    try:
        yield
    finally:
        use_encryptor(before)
