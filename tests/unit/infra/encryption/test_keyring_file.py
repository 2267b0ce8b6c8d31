"""The keyring on disk: whole at any moment, and gone for good what was erased from it."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from avro_schemas.errors import KeysLost
from infra.encryption import Erasure, KeyringFile
from tests.support.samples import NOON

CAT, DOG = ("acme", "cat"), ("acme", "dog")
ERASURE = Erasure(tenant_id="acme", entity_id="cat", erased_at=NOON)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Callable[..., KeyringFile]:
    def open_file(keys: Sequence[str] = ("one",)) -> KeyringFile:
        return KeyringFile(tmp_path / "keys" / "keyring", list(keys), clock)

    open_file().make()
    return open_file


def test_every_process_has_the_same_keys(opened: Callable[..., KeyringFile]) -> None:
    sealed = opened().encrypt(CAT, b"a cat", "title")
    assert sealed is not None
    assert opened().decrypt(sealed, "title") == b"a cat"


def test_a_keyring_that_is_there_is_never_made_again(opened: Callable[..., KeyringFile]) -> None:
    before = opened().ring().ring_id
    opened().make()
    assert opened().ring().ring_id == before


def test_it_can_be_read_by_its_owner_alone(
    opened: Callable[..., KeyringFile], tmp_path: Path
) -> None:
    opened().erase([ERASURE])
    assert (tmp_path / "keys" / "keyring").stat().st_mode & 0o777 == 0o600


def test_an_erased_key_is_gone_for_every_process_within_a_second(
    opened: Callable[..., KeyringFile], clock: Clock
) -> None:
    reader = opened()
    sealed = reader.encrypt(CAT, b"a cat", "title")
    assert sealed is not None
    opened().erase([ERASURE])
    clock.now += 1.0
    assert reader.decrypt(sealed, "title") is None
    assert reader.ring().erasures == (ERASURE,)


def test_what_is_erased_by_one_that_was_in_use_is_gone_from_the_disk(
    opened: Callable[..., KeyringFile],
) -> None:
    used = opened()
    sealed = used.encrypt(CAT, b"a cat", "title")
    assert sealed is not None
    used.erase([ERASURE])
    assert used.decrypt(sealed, "title") is None
    assert opened().decrypt(sealed, "title") is None
    assert opened().ring().erasures == (ERASURE,)


def test_the_bytes_of_the_old_file_are_overwritten(
    opened: Callable[..., KeyringFile], tmp_path: Path
) -> None:
    old = os.open(tmp_path / "keys" / "keyring", os.O_RDONLY)
    try:
        opened().erase([ERASURE])
        assert set(os.pread(old, 10_000, 0)) == {0}
    finally:
        os.close(old)
    assert [file.name for file in (tmp_path / "keys").glob("keyring.*")] == ["keyring.lock"]


def test_the_wrapping_key_can_be_changed(opened: Callable[..., KeyringFile]) -> None:
    sealed = opened().encrypt(DOG, b"a dog", "title")
    opened(("two", "one")).erase([ERASURE])
    assert sealed is not None
    assert opened(("two",)).decrypt(sealed, "title") == b"a dog"
    with pytest.raises(KeysLost, match="WRAPPING_KEYS"):
        opened(("one",)).ring()


@pytest.mark.parametrize("damage", [b"", b"scalehoster-keyring-1\n", b"x" * 200])
def test_a_damaged_file_is_an_alarm(
    opened: Callable[..., KeyringFile], tmp_path: Path, damage: bytes
) -> None:
    (tmp_path / "keys" / "keyring").write_bytes(damage)
    with pytest.raises(KeysLost, match="damaged"):
        opened().encrypt(CAT, b"a cat", "title")
    with pytest.raises(KeysLost):
        opened().erase([ERASURE])


def test_a_file_that_is_away_is_an_alarm_and_back_is_back(
    opened: Callable[..., KeyringFile], tmp_path: Path, clock: Clock
) -> None:
    file, place = opened(), tmp_path / "keys" / "keyring"
    sealed = file.encrypt(CAT, b"a cat", "title")
    place.rename(tmp_path / "elsewhere")
    clock.now += 1.0
    with pytest.raises(KeysLost, match="nothing was erased"):
        file.encrypt(CAT, b"a cat", "title")
    (tmp_path / "elsewhere").rename(place)
    assert file.encrypt(CAT, b"a cat", "title") == sealed
