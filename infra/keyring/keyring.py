"""Seals personal data under a key of its own for each entity."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from avro_schemas.errors import BrokenSeal, KeysLost
from infra.keyring.secret_tree import SECRET_BYTES, SecretTree

_MAGIC = b"\1"
RING_BYTES = 4
_LEAF_BYTES = 8
_SIV_KEY_BYTES = 64
_HEADER_BYTES = len(_MAGIC) + RING_BYTES + _LEAF_BYTES
_CACHED_KEYS = 20_000
_CACHED_CIPHERS = 1_000  # 4 kB each, where a key is 64 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A key that was destroyed: whose it was, and when."""

    tenant_id: str
    entity_id: str
    erased_at: datetime


class Keyring:
    """The keys as they are at one moment; see avro_schemas.sealing.Sealer for what it promises.

    AES-SIV (RFC 5297) with 256-bit keys: equal input gives equal bytes, so there is no nonce to get
    wrong and a replay writes what was there before. Sealed bytes name the ring and the key:
    what another ring sealed is told from what was altered.
    """

    def __init__(self, ring_id: bytes, tree: SecretTree, erasures: tuple[Erasure, ...]) -> None:
        self.ring_id = ring_id
        self.tree = tree
        self.erasures = erasures
        self._erased = {leaf_of(each.tenant_id, each.entity_id) for each in erasures}
        self._leaf = lru_cache(_CACHED_KEYS)(leaf_of)
        self._key = lru_cache(_CACHED_KEYS)(self._derived)
        self._cipher = lru_cache(_CACHED_CIPHERS)(self._made)

    @classmethod
    def from_secret(cls, secret: bytes) -> "Keyring":
        """Give the keys that follow from a secret; they do not lead back to it."""
        ring_id = blake2b(b"ring", key=secret, digest_size=RING_BYTES).digest()
        root = blake2b(b"root", key=secret, digest_size=SECRET_BYTES).digest()
        return cls(ring_id, SecretTree.from_root(root), ())

    def seal(self, subject: tuple[str, str], plain: bytes, label: str) -> bytes | None:
        """Encrypt under the subject's key; None when that was destroyed; raises KeysLost."""
        leaf = self._leaf(*subject)
        cipher = self._cipher(leaf)
        if cipher is None:
            return None
        header = _MAGIC + self.ring_id + leaf.to_bytes(_LEAF_BYTES, "big")
        return header + cipher.encrypt(plain, [label.encode()])

    def open(self, sealed: bytes, label: str) -> bytes | None:
        """Decrypt; None when the key was destroyed; raises KeysLost and BrokenSeal."""
        if len(sealed) < _HEADER_BYTES or not is_sealed(sealed):
            raise BrokenSeal(f"not sealed: begins with {sealed[:_HEADER_BYTES].hex()}")
        leaf = int.from_bytes(sealed[_HEADER_BYTES - _LEAF_BYTES : _HEADER_BYTES], "big")
        ring_id = sealed[len(_MAGIC) : len(_MAGIC) + RING_BYTES]
        cipher = self._cipher(leaf)
        plain = _decrypted(cipher, sealed, label) if cipher else None
        if ring_id != self.ring_id and plain is None:
            raise KeysLost(
                f"sealed by the keyring {ring_id.hex()}, and this one is {self.ring_id.hex()}"
            )
        if ring_id != self.ring_id or (cipher and plain is None):
            raise BrokenSeal(f"{label} is not as it was sealed")  # an altered header is no alarm
        return plain

    def without(self, erasures: Iterable[Erasure]) -> "Keyring":
        """Give a ring that lacks these keys, and knows that this is no loss."""
        new = {leaf_of(each.tenant_id, each.entity_id): each for each in erasures}
        for leaf in self._erased & new.keys():
            del new[leaf]
        if not new:
            return self
        return Keyring(self.ring_id, self.tree.without(new), (*self.erasures, *new.values()))

    def is_erased(self, tenant_id: str, entity_id: str) -> bool:
        """Tell whether this key was destroyed."""
        return leaf_of(tenant_id, entity_id) in self._erased

    def _made(self, leaf: int) -> AESSIV | None:
        key = self._key(leaf)
        return None if key is None else AESSIV(key)

    def _derived(self, leaf: int) -> bytes | None:
        secret = self.tree.secret(leaf)
        if secret is not None:
            return blake2b(b"seal", key=secret, digest_size=_SIV_KEY_BYTES).digest()
        if leaf not in self._erased:
            raise KeysLost(f"the keyring {self.ring_id.hex()} lacks a key that nobody erased")
        return None


def _decrypted(cipher: AESSIV, sealed: bytes, label: str) -> bytes | None:
    try:
        return cipher.decrypt(sealed[_HEADER_BYTES:], [label.encode()])
    except InvalidTag:
        return None


def is_sealed(value: bytes) -> bool:
    """Tell sealed bytes from others that may stand in their place."""
    return value.startswith(_MAGIC)


def leaf_of(tenant_id: str, entity_id: str) -> int:
    """Say which leaf of the tree an entity has: equal ones in 10^7 with odds of 3 in a million."""
    name = f"{tenant_id}\0{entity_id}".encode()
    return int.from_bytes(blake2b(name, digest_size=_LEAF_BYTES).digest(), "big")
