"""Which wrapping keys a process opens the keyring with."""

import secrets
from pathlib import Path

import pytest

from avro_schemas.errors import KeysLost
from infra.encryption import KeyringFile, installation_keyring
from infra.settings import Settings, load
from tests.support.keyrings import fixed_keyring

KEY = secrets.token_hex(32)


@pytest.fixture
def unwrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keyring that was made before a wrapping key was set."""
    place = tmp_path / "keyring"
    KeyringFile(place, [""]).make(fixed_keyring())
    monkeypatch.setenv("SCALEHOSTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SCALEHOSTER_KEYS__FILE", str(place))
    monkeypatch.setenv("SCALEHOSTER_KEYS__WRAPPING_KEYS", KEY)
    return place


def in_production(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SCALEHOSTER_ENVIRONMENT", "production")
    monkeypatch.setenv("SCALEHOSTER_SECRET", secrets.token_hex(32))
    return load()


def test_a_keyring_from_before_a_wrapping_key_was_set_is_opened(unwrapped: Path) -> None:
    assert installation_keyring(load()).ring().ring_id == fixed_keyring().ring_id


def test_production_opens_nothing_that_is_wrapped_with_the_empty_key(
    unwrapped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeysLost):
        installation_keyring(in_production(monkeypatch)).ring()


def test_the_first_wrapping_key_wraps(unwrapped: Path) -> None:
    unwrapped.unlink()
    installation_keyring(load()).make(fixed_keyring())
    with pytest.raises(KeysLost):
        KeyringFile(unwrapped, [""]).ring()
