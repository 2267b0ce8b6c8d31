"""The SHA-256 of each jar that a server runs with, committed beside the server's pom."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path


def read_checksums(file: Path) -> dict[str, str]:
    """Read a file as ``sha256sum`` writes it into checksum by file name."""
    lines = (line.split(maxsplit=1) for line in file.read_text("ascii").splitlines())
    return {name: checksum for checksum, name in lines}


def write_checksums(file: Path, checksums: Mapping[str, str]) -> None:
    """Write what `read_checksums` reads; ``sha256sum --check`` reads it too."""
    lines = [f"{checksum}  {name}\n" for name, checksum in sorted(checksums.items())]
    file.write_text("".join(lines), "ascii")


def checksums_of(folder: Path) -> dict[str, str]:
    """Compute the checksum of every file of the folder, by name."""
    return {path.name: _checksum(path) for path in folder.iterdir()}


def differences(found: Mapping[str, str], committed: Mapping[str, str]) -> Iterator[str]:
    """Name every jar that is there and should not be, is lacking, or has other bytes."""
    for name in sorted(found.keys() | committed.keys()):
        match found.get(name), committed.get(name):
            case None, _:
                yield f"{name} is missing"
            case checksum, None:
                yield f"{name} is not among the committed ones (SHA-256 {checksum})"
            case checksum, other if checksum != other:
                yield f"{name} has the SHA-256 {checksum} instead of {other}"


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
