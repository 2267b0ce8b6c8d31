"""The journal of an import: its progress, kept until it has ended."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from infra.file_lock import locked

RefusedLine = dict[str, Any]


class ImportJournal:
    """One line for each chunk that was answered: a crash costs one chunk, which is sent again."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.lines = 0
        self.accepted = 0
        self.refused: list[RefusedLine] = []
        whole = place.read_bytes().rpartition(b"\n")[0] if place.exists() else b""
        for chunk in whole.splitlines():
            self._count(**json.loads(chunk))
        place.write_bytes(whole + b"\n" if whole else b"")  # without what a crash left torn

    def add(self, *, accepted: int, refused: list[RefusedLine]) -> None:
        """Note a chunk that was answered."""
        self._count(accepted, refused)
        with self._place.open("a") as file:
            file.write(json.dumps({"accepted": accepted, "refused": refused}) + "\n")

    def _count(self, accepted: int, refused: list[RefusedLine]) -> None:
        self.lines += accepted + len(refused)
        self.accepted += accepted
        self.refused += refused


def journal_name(*parts: str) -> str:
    """Name the journal of an import by all that makes it the same import."""
    return sha256("\n".join(parts).encode()).hexdigest()[:32]


@contextmanager
def open_import_journal(directory: Path, name: str) -> Iterator[ImportJournal]:
    """Go on with an import, or begin it; left without an error, it has ended and is forgotten.

    Waits while another process is at the same import.
    """
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / f"{name}.ndjson"
    with locked(directory / f"{name}.lock"):
        yield ImportJournal(place)
        place.unlink()
