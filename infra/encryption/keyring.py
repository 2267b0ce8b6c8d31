"""The keyring: encrypts personal data under a key for each entity, bound to its tenant's key."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from avro_schemas.errors import InvalidCiphertext, KeysLost
from infra.encryption.secret_tree import SECRET_BYTES, SecretTree

_MAGIC = b"\1"
RING_BYTES = 4
_LEAF_BYTES = 8
_SIV_KEY_BYTES = 64
_RING_ENDS = len(_MAGIC) + RING_BYTES
_TENANT_ENDS = _RING_ENDS + _LEAF_BYTES
_HEADER_BYTES = _TENANT_ENDS + _LEAF_BYTES
_CACHED_KEYS = 20_000
_CACHED_CIPHERS = 1_000  # 4 kB each, where a key is 64 bytes

WHOLE_TENANT = ""  # stands for an entity in an Erasure

_Leaves = tuple[int, int]  # of the tenant, of the entity


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A key that was destroyed: whose it was, and when.

    With WHOLE_TENANT it was the tenant's: none of its entities' keys can be made any more.
    """

    tenant_id: str
    entity_id: str
    erased_at: datetime


class Keyring:
    """The keys as they are at one moment; see avro_schemas.encryption.Encryptor for its promises.

    AES-SIV (RFC 5297) with 256-bit keys: equal input gives equal bytes, so there is no nonce to get
    wrong and a replay writes what was there before. Sealed bytes name the ring and the key:
    bytes of another keyring are told from altered ones. A key is made of two secrets of the
    tree, its tenant's and its own; without either there is none.
    """

    def __init__(self, ring_id: bytes, tree: SecretTree, erasures: tuple[Erasure, ...]) -> None:
        self.ring_id = ring_id
        self.tree = tree
        self.erasures = erasures
        self._erased = {leaf_of(each.tenant_id, each.entity_id) for each in erasures}
        self._leaves = lru_cache(_CACHED_KEYS)(leaves_of)
        self._secret_of_tenant = lru_cache(_CACHED_KEYS)(self._secret)
        self._key = lru_cache(_CACHED_KEYS)(self._derived)
        self._cipher = lru_cache(_CACHED_CIPHERS)(self._made)

    @classmethod
    def from_secret(cls, secret: bytes) -> "Keyring":
        """Give the keys that follow from a secret; they do not lead back to it."""
        ring_id = blake2b(b"ring", key=secret, digest_size=RING_BYTES).digest()
        root = blake2b(b"root", key=secret, digest_size=SECRET_BYTES).digest()
        return cls(ring_id, SecretTree.from_root(root), ())

    def encrypt(self, subject: tuple[str, str], plain: bytes, label: str) -> bytes | None:
        """Encrypt under the subject's key; None when that was destroyed; raises KeysLost."""
        leaves = self._leaves(*subject)
        cipher = self._cipher(leaves)
        if cipher is None:
            return None
        named = b"".join(leaf.to_bytes(_LEAF_BYTES, "big") for leaf in leaves)
        return _MAGIC + self.ring_id + named + cipher.encrypt(plain, [label.encode()])

    def decrypt(self, sealed: bytes, label: str) -> bytes | None:
        """Decrypt; None when the key was destroyed; raises KeysLost and InvalidCiphertext."""
        if len(sealed) < _HEADER_BYTES or not is_sealed(sealed):
            raise InvalidCiphertext(f"not sealed: begins with {sealed[:_HEADER_BYTES].hex()}")
        ring_id = sealed[len(_MAGIC) : _RING_ENDS]
        tenant = int.from_bytes(sealed[_RING_ENDS:_TENANT_ENDS], "big")
        cipher = self._cipher((tenant, int.from_bytes(sealed[_TENANT_ENDS:_HEADER_BYTES], "big")))
        plain = _decrypted(cipher, sealed, label) if cipher else None
        if ring_id != self.ring_id and plain is None:
            raise KeysLost(
                f"sealed by the keyring {ring_id.hex()}, and this one is {self.ring_id.hex()}"
            )
        if ring_id != self.ring_id or (cipher and plain is None):
            raise InvalidCiphertext(
                f"{label} is not as it was sealed"
            )  # an altered header is no alarm
        return plain

    def without(self, erasures: Iterable[Erasure]) -> "Keyring":
        """Give a ring that lacks these keys, and knows that this is no loss.

        Those of a tenant whose own is destroyed are gone with it, and cost no room.
        """
        wanted = list(erasures)
        whole = {leaf_of(each.tenant_id) for each in wanted if each.entity_id == WHOLE_TENANT}
        whole |= self._erased
        new = {
            leaf_of(each.tenant_id, each.entity_id): each
            for each in wanted
            if each.entity_id == WHOLE_TENANT or leaf_of(each.tenant_id) not in whole
        }
        for leaf in self._erased & new.keys():
            del new[leaf]
        if not new:
            return self
        return Keyring(self.ring_id, self.tree.without(new), (*self.erasures, *new.values()))

    def is_erased(self, tenant_id: str, entity_id: str = WHOLE_TENANT) -> bool:
        """Tell whether this key was destroyed, or that of the whole tenant."""
        return bool(self._erased & {leaf_of(tenant_id), leaf_of(tenant_id, entity_id)})

    def erased_at(self, tenant_id: str) -> datetime | None:
        """Return when the key of a whole tenant was destroyed; None if it was not."""
        whole = (tenant_id, WHOLE_TENANT)
        moments = [e.erased_at for e in self.erasures if (e.tenant_id, e.entity_id) == whole]
        return moments[0] if moments else None

    def _made(self, leaves: _Leaves) -> AESSIV | None:
        key = self._key(leaves)
        return None if key is None else AESSIV(key)

    def _derived(self, leaves: _Leaves) -> bytes | None:
        tenant, entity = leaves
        theirs = self._secret_of_tenant(tenant)
        own = None if theirs is None else self._secret(entity)
        if theirs is None or own is None:
            return None
        return blake2b(b"seal" + own, key=theirs, digest_size=_SIV_KEY_BYTES).digest()

    def _secret(self, leaf: int) -> bytes | None:
        secret = self.tree.secret(leaf)
        if secret is None and leaf not in self._erased:
            raise KeysLost(f"the keyring {self.ring_id.hex()} lacks a key that nobody erased")
        return secret


def _decrypted(cipher: AESSIV, sealed: bytes, label: str) -> bytes | None:
    try:
        return cipher.decrypt(sealed[_HEADER_BYTES:], [label.encode()])
    except InvalidTag:
        return None


def is_sealed(value: bytes) -> bool:
    """Return True for bytes that a keyring has encrypted."""
    return value.startswith(_MAGIC)


def leaves_of(tenant_id: str, entity_id: str) -> _Leaves:
    """Say which leaves of the tree make the key of an entity."""
    return leaf_of(tenant_id), leaf_of(tenant_id, entity_id)


def leaf_of(tenant_id: str, entity_id: str = WHOLE_TENANT) -> int:
    """Say which leaf of the tree an entity has: equal ones in 10^7 with odds of 3 in a million."""
    name = f"{tenant_id}\0{entity_id}".encode()
    return int.from_bytes(blake2b(name, digest_size=_LEAF_BYTES).digest(), "big")
