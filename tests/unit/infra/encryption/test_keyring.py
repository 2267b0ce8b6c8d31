"""What is sealed is opened by its own key alone, and by none once that was destroyed."""

import pytest

from avro_schemas.errors import InvalidCiphertext, KeysLost
from infra.encryption import WHOLE_TENANT, Erasure, Keyring, new_keyring
from infra.encryption.secret_tree import SecretTree
from tests.support.samples import NOON

CAT, DOG = ("acme", "cat"), ("acme", "dog")
RING = new_keyring()


def erasure(entity_id: str) -> Erasure:
    return Erasure(tenant_id="acme", entity_id=entity_id, erased_at=NOON)


def sealed(subject: tuple[str, str] = CAT, label: str = "title", ring: Keyring = RING) -> bytes:
    found = ring.encrypt(subject, b"a cat on a mat", label)
    assert found is not None
    return found


def test_what_is_sealed_can_be_opened_and_cannot_be_read() -> None:
    assert RING.decrypt(sealed(), "title") == b"a cat on a mat"
    assert b"cat" not in sealed()


def test_the_same_is_sealed_alike_for_one_entity_and_otherwise_for_another() -> None:
    assert sealed() == sealed()
    assert sealed() != sealed(DOG) != sealed(("globex", "dog"))


def test_a_destroyed_key_opens_and_seals_nothing_and_the_others_all() -> None:
    less = RING.without([erasure("cat")])
    assert less.decrypt(sealed(CAT), "title") is None
    assert less.encrypt(CAT, b"more", "title") is None
    assert less.decrypt(sealed(DOG), "title") == b"a cat on a mat"
    assert (less.is_erased(*CAT), less.is_erased(*DOG)) == (True, False)


def test_with_the_key_of_a_tenant_all_that_was_its_is_gone_and_nobody_elses() -> None:
    theirs = ("globex", "cat")
    less = RING.without([erasure("dog")]).without([erasure(WHOLE_TENANT)])
    for subject in (CAT, DOG, ("acme", "not there yet")):
        assert less.decrypt(sealed(subject), "title") is None
        assert less.encrypt(subject, b"more", "title") is None
        assert less.is_erased(*subject)
    assert less.decrypt(sealed(theirs), "title") == b"a cat on a mat"
    assert not less.is_erased(*theirs)


def test_an_entity_of_an_erased_tenant_costs_no_room_to_erase() -> None:
    less = RING.without([erasure(WHOLE_TENANT), erasure("dog")])
    assert less.erasures == (erasure(WHOLE_TENANT),)
    assert less.without([erasure("cat")]) is less


def test_what_is_destroyed_already_changes_nothing() -> None:
    less = RING.without([erasure("cat")])
    assert less.without([erasure("cat")]) is less


@pytest.mark.parametrize("place", [-1, 2, 12, 20, 28])
def test_altered_bytes_are_noticed(place: int) -> None:
    altered = bytearray(sealed())
    altered[place] ^= 1
    with pytest.raises(InvalidCiphertext, match="not as it was sealed"):
        RING.decrypt(bytes(altered), "title")


def test_bytes_sealed_as_something_else_are_noticed() -> None:
    with pytest.raises(InvalidCiphertext):
        RING.decrypt(sealed(label="alt_text"), "title")


@pytest.mark.parametrize("junk", [b"", b"short", b"plain text that nobody sealed"])
def test_what_was_never_sealed_is_noticed(junk: bytes) -> None:
    with pytest.raises(InvalidCiphertext, match="not sealed"):
        RING.decrypt(junk, "title")


def test_another_ring_is_an_alarm_and_no_erasure() -> None:
    with pytest.raises(KeysLost, match="sealed by the keyring"):
        new_keyring().decrypt(sealed(), "title")


def test_a_key_that_is_not_there_and_was_not_erased_is_an_alarm() -> None:
    lost = Keyring(RING.ring_id, SecretTree([]), ())
    with pytest.raises(KeysLost, match="nobody erased"):
        lost.decrypt(sealed(), "title")
    with pytest.raises(KeysLost, match="nobody erased"):
        lost.encrypt(CAT, b"more", "title")
