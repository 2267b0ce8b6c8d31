"""The pictures that an archive holds: a fold of the lists that each export appended."""

from collections.abc import Mapping
from hashlib import sha256

from backup.errors import ArchiveDamaged
from backup.manifest import BlobList, Manifest
from domain.values import BlobKey
from infra.blobs.durable_files import write_durably

BLOBS = "blobs"
LISTS = "blob-lists"

_IS_HERE = {"+": True, "!": False}
_GONE = "-"

BlobPresence = dict[BlobKey, bool]
"""All pictures that the events refer to; False: the store had none, or not the right one."""


def read_blob_lists(manifest: Manifest) -> BlobPresence:
    """Fold the lists of an archive; raises ArchiveDamaged naming one that is not as written."""
    held: BlobPresence = {}
    for entry in manifest.of(BlobList):
        try:
            content = (manifest.directory / entry.file).read_bytes()
        except FileNotFoundError:
            raise ArchiveDamaged(f"{entry.file} is missing") from None
        if sha256(content).hexdigest() != entry.sha256:
            raise ArchiveDamaged(f"{entry.file} was changed: its SHA-256 is another")
        for line in content.decode().splitlines():
            mark, _, key = line.partition(" ")
            if mark == _GONE:
                held.pop(BlobKey(key), None)
            else:
                held[BlobKey(key)] = _IS_HERE[mark]
    return held


def append_blob_list(
    manifest: Manifest, before: Mapping[BlobKey, bool], now: Mapping[BlobKey, bool]
) -> None:
    """Append a list of the changes, if there are any.

    The first list is appended in any case: it marks an archive with pictures.
    """
    marks = {is_here: mark for mark, is_here in _IS_HERE.items()}
    lines = [f"{marks[now[key]]} {key}\n" for key in sorted(now) if before.get(key) != now[key]]
    lines += [f"{_GONE} {key}\n" for key in sorted(before.keys() - now.keys())]
    if not lines and any(manifest.of(BlobList)):
        return
    content = "".join(lines).encode()
    file = f"{LISTS}/{len(manifest.entries):06}.txt"
    write_durably(manifest.directory / file, content)
    manifest.add([BlobList(file=file, sha256=sha256(content).hexdigest())])


def key_matches_digest(key: BlobKey, digest: str) -> bool:
    """Return True if a key ends in this SHA-256, as the key of each picture does."""
    return key.rpartition("/")[2] == digest
