"""A file of many pictures on this machine, read as the command API reads it."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from tempfile import NamedTemporaryFile

from command_api.batch_import.batch_record import BatchRecord
from command_api.batch_import.record_parser import NDJSON, SUFFIXES, open_records
from domain.errors import ScaleHosterError


class NotAnImport(ScaleHosterError):
    """This is no file of pictures that we can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFile:
    """What is to be imported; ``digest`` names its content, ``lines`` says how many there are."""

    path: Path
    media_type: str
    max_line_bytes: int
    digest: str
    lines: int

    def read(self) -> Iterator[BatchRecord]:
        """Read one line after the other; each text is itself one line."""
        with open_records(self.path, self.media_type, self.max_line_bytes) as lines:
            for line in lines:
                yield BatchRecord(
                    number=line.number, text=_on_one_line(line.text), fault=line.fault
                )


@contextmanager
def open_import_file(name: str, max_line_bytes: int) -> Iterator[ImportFile]:
    """Look at a whole file once; ``-`` is NDJSON on standard input.

    Raises NotAnImport, OSError, or the RequestError of a file that makes no sense.
    """
    if name != "-":
        media_type = SUFFIXES.get(Path(name).suffix.lower())
        if media_type is None:
            raise NotAnImport(f"{name} must end in one of {', '.join(SUFFIXES)}")
        yield _inspected(Path(name), media_type, max_line_bytes)
        return
    with NamedTemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield _inspected(Path(file.name), NDJSON, max_line_bytes)


def with_defaults(text: bytes, category: str | None, duplicates: str | None) -> bytes:
    """Say for a picture what its line does not say."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return text  # the API says what is wrong with it
    if not isinstance(fields, dict):
        return text
    missing = {}
    if category and fields.keys().isdisjoint(("category", "categories")):
        missing["category"] = category
    if duplicates and "duplicates" not in fields:
        missing["duplicates"] = duplicates
    return json.dumps({**fields, **missing}).encode() if missing else text


def _inspected(path: Path, media_type: str, max_line_bytes: int) -> ImportFile:
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    with open_records(path, media_type, max_line_bytes) as found:
        count = sum(1 for _ in found)
    return ImportFile(
        path=path,
        media_type=media_type,
        max_line_bytes=max_line_bytes,
        digest=digest,
        lines=count,
    )


def _on_one_line(text: bytes) -> bytes:
    """Replace line breaks, which JSON has between its tokens only."""
    return text.replace(b"\r", b" ").replace(b"\n", b" ")
