"""The keyring on disk: outside the log and outside the views."""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from fcntl import LOCK_EX, flock
from hashlib import blake2b
from pathlib import Path
from struct import Struct

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from avro_schemas.errors import KeysLost
from infra.encryption.keyring import Erasure, Keyring
from infra.encryption.secret_tree import SECRET_BYTES, SecretTree, SecretTreeNode

_FORMAT = b"scalehoster-keyring-1\n"
_NONCE_BYTES = 12
_NODE = Struct(f">QB{SECRET_BYTES}s")
_LOOK_SECONDS = 1.0
_TRIES = 3  # a file that is replaced while it is read is read again


class _Stored(msgspec.Struct):
    """What the file says once it is unwrapped, as JSON."""

    ring: bytes
    nodes: bytes
    erased: list[tuple[str, str, datetime]]


class KeyringFile:
    """A keyring that all processes of an installation share; what one erases all forget.

    The file is wrapped with AES-256-GCM under a key made of the first of ``wrapping_keys``; the
    others still open it, so that the key can be changed. It is read at first use, and again within
    a second of a change. Whatever needs a key raises KeysLost while the file is away or is not
    ours. A process killed in the middle of ``erase`` leaves the old file or the new one.
    """

    def __init__(
        self,
        path: Path,
        wrapping_keys: list[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._wraps = [blake2b(key.encode(), digest_size=32).digest() for key in wrapping_keys]
        self._clock = clock
        self._ring: Keyring | None = None
        self._stat: tuple[int, int, int] | None = None
        self._look_at = 0.0

    def exists(self) -> bool:
        """Tell whether there is a file."""
        return self._path.exists()

    def make(self, ring: Keyring | None = None) -> None:
        """Keep a new keyring, or this one, where there is none; of several who try, one does."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._written(ring or new_keyring())
        try:
            os.link(new, self._path)
        except FileExistsError:
            return
        finally:
            new.unlink()
        _sync(self._path.parent)

    def ring(self) -> Keyring:
        """Give the keys as they are, at most a second ago; raises KeysLost."""
        now = self._clock()
        if self._ring is None or now >= self._look_at:
            stat = self._looked()
            if self._ring is None or stat != self._stat:
                self._ring, self._stat = self._read(), stat
            self._look_at = now + _LOOK_SECONDS
        return self._ring

    def encrypt(self, subject: tuple[str, str], plain: bytes, label: str) -> bytes | None:
        """Encrypt; see Keyring."""
        return self.ring().encrypt(subject, plain, label)

    def decrypt(self, sealed: bytes, label: str) -> bytes | None:
        """Decrypt; see Keyring."""
        return self.ring().decrypt(sealed, label)

    def is_erased(self, tenant_id: str, entity_id: str) -> bool:
        """Tell whether this key was destroyed, or that of the whole tenant; raises KeysLost."""
        return self.ring().is_erased(tenant_id, entity_id)

    def erase(self, erasures: Iterable[Erasure]) -> None:
        """Destroy keys for good, durably; those that were destroyed before stay so.

        The old file's bytes are overwritten, which a disk may or may not do in place. Raises
        KeysLost, and OSError when there is no room: then nothing was destroyed.
        """
        with self._alone():
            ring = self._read()
            less = ring.without(erasures)
            if less is ring:
                return
            new = self._written(less)
            with self._path.open("r+b") as old:
                new.rename(self._path)
                _sync(self._path.parent)
                _overwrite(old.fileno())
            self._ring = None

    def _looked(self) -> tuple[int, int, int]:
        try:
            stat = self._path.stat()
        except FileNotFoundError as error:
            raise KeysLost(
                f"no keyring at {self._path}: bring it back from its backup; nothing was erased"
            ) from error
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def _read(self) -> Keyring:
        for _ in range(_TRIES):
            before = self._looked()
            plain = self._unwrapped(self._path.read_bytes())
            if plain is not None:
                return _ring(plain)
            if self._looked() == before:
                break
        raise KeysLost(
            f"{self._path} is no keyring, damaged, or SCALEHOSTER_KEYS__WRAPPING_KEYS is wrong"
        )

    def _unwrapped(self, data: bytes) -> bytes | None:
        wrapped = data.removeprefix(_FORMAT)
        for wrap in self._wraps:
            try:
                return AESGCM(wrap).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _FORMAT)
            except (InvalidTag, ValueError):  # ValueError: too short to be anything
                continue
        return None

    def _written(self, ring: Keyring) -> Path:
        """Write a ring beside its place, durably."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        wrapped = AESGCM(self._wraps[0]).encrypt(nonce, _plain(ring), _FORMAT)
        new = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(_FORMAT + nonce + wrapped)
            file.flush()
            os.fsync(handle)
        return new

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            flock(lock, LOCK_EX)
            yield


def new_keyring() -> Keyring:
    """Give keys that nobody had before."""
    return Keyring.from_secret(secrets.token_bytes(SECRET_BYTES))


def _plain(ring: Keyring) -> bytes:
    nodes = ring.tree.nodes
    stored = _Stored(
        ring=ring.ring_id,
        nodes=b"".join(_NODE.pack(each.start, each.depth, each.secret) for each in nodes),
        erased=[(each.tenant_id, each.entity_id, each.erased_at) for each in ring.erasures],
    )
    return msgspec.json.encode(stored)


def _ring(plain: bytes) -> Keyring:
    stored = msgspec.json.decode(plain, type=_Stored)
    erasures = tuple(
        Erasure(tenant_id=tenant, entity_id=entity, erased_at=at)
        for tenant, entity, at in stored.erased
    )
    tree = SecretTree(SecretTreeNode(*each) for each in _NODE.iter_unpack(stored.nodes))
    return Keyring(stored.ring, tree, erasures)


def _overwrite(handle: int) -> None:
    os.pwrite(handle, b"\0" * os.fstat(handle).st_size, 0)
    os.fsync(handle)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
