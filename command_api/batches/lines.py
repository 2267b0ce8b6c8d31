"""A file of many pictures, line by line: NDJSON, a JSON array or CSV."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from command_api.batches.csv_rows import csv_rows
from command_api.batches.json_items import json_items
from command_api.batches.line import Line, line_too_long, next_line
from infra.web.errors import UnsupportedMediaType

NDJSON = "application/x-ndjson"
JSON = "application/json"
CSV = "text/csv"
LineReader = Callable[[BinaryIO, int], Iterator[Line]]
SUFFIXES: Mapping[str, str] = {".ndjson": NDJSON, ".jsonl": NDJSON, ".json": JSON, ".csv": CSV}


def reader_of(media_type: str) -> LineReader:
    """Find what reads a file of this media type; raises UnsupportedMediaType."""
    read = {NDJSON: _ndjson_lines, JSON: json_items, CSV: csv_rows}.get(media_type)
    if read is None:
        raise UnsupportedMediaType(f"send the batch as {NDJSON}, {JSON} or {CSV}")
    return read


@contextmanager
def open_lines(path: Path, media_type: str, max_line_bytes: int) -> Iterator[Iterator[Line]]:
    """Read the lines of a file one after the other, never the whole file at once.

    What is wrong with one line is told in that line. Raises UnsupportedMediaType; while reading,
    MalformedJson or MalformedCsv where the file as a whole makes no sense, and BodyTooLarge for an
    item of an array that is too long: nobody knows where it ends.
    """
    read = reader_of(media_type)
    with path.open("rb") as file:
        yield read(file, max_line_bytes)


def _ndjson_lines(file: BinaryIO, max_line_bytes: int) -> Iterator[Line]:
    number = 1
    while (text := next_line(file, max_line_bytes)) != b"":
        if text is None:
            yield Line(number=number, fault=line_too_long(max_line_bytes))
        elif text.strip():
            yield Line(number=number, text=text.strip())
        number += 1
