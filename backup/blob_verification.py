"""Verifies the pictures of an archive: each has the SHA-256 that its key ends in."""

from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path

from backup.blob_copy import blob_files_in, blob_key_of_file
from backup.blob_lists import BLOBS, key_matches_digest, read_blob_lists
from backup.errors import ArchiveDamaged, NotAnArchive
from backup.manifest import NAME, Manifest
from backup.progress import OnProgress, ignore_progress
from backup.verification import ArchiveFinding
from domain.values import BlobKey


def verify_blobs(
    directory: Path,
    on_progress: OnProgress = ignore_progress,
    chain_key: bytes | None = None,
) -> Iterator[ArchiveFinding]:
    """Yield what is wrong with the pictures of an archive; nothing where it has none.

    Checked are that each that a list names is there, that its bytes have the SHA-256 that its name
    ends in, and that no other lies beside them.
    """
    try:
        held = read_blob_lists(Manifest.load(directory, chain_key))
    except NotAnArchive:
        return  # ``verify`` says so
    except ArchiveDamaged as error:
        yield ArchiveFinding(file=NAME, what=str(error))
        return
    for number, (key, is_here) in enumerate(held.items()):
        on_progress(number, len(held))
        file = directory / BLOBS / key
        if not is_here:
            yield ArchiveFinding(
                file=f"{BLOBS}/{key}",
                what="was not in the store, or damaged there, when it was to be exported",
                is_damage=False,
            )
        elif not file.exists():
            yield ArchiveFinding(file=f"{BLOBS}/{key}", what="is missing; export it again")
        elif not _is_whole(file):
            yield ArchiveFinding(
                file=f"{BLOBS}/{key}",
                what="was changed: its SHA-256 is another; delete it and export it again",
            )
    on_progress(len(held), len(held))
    for file in blob_files_in(directory):
        if blob_key_of_file(file, directory) not in held and not file.name.endswith(".part"):
            yield ArchiveFinding(
                file=str(file.relative_to(directory)),
                what="is in no list: an export was interrupted here; export again",
                is_damage=False,
            )


def _is_whole(file: Path) -> bool:
    with file.open("rb") as opened:
        return key_matches_digest(BlobKey(file.name), file_digest(opened, "sha256").hexdigest())
