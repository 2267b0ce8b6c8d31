"""The record parser: reads NDJSON, a JSON array or CSV one record at a time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from command_api.batch_import.batch_record import BatchRecord, line_too_long, next_line
from command_api.batch_import.csv_parser import parse_csv
from command_api.batch_import.json_array_parser import parse_json_array
from infra.http.errors import UnsupportedMediaType

NDJSON = "application/x-ndjson"
JSON = "application/json"
CSV = "text/csv"
RecordParser = Callable[[BinaryIO, int], Iterator[BatchRecord]]
SUFFIXES: Mapping[str, str] = {".ndjson": NDJSON, ".jsonl": NDJSON, ".json": JSON, ".csv": CSV}


def parser_for(media_type: str) -> RecordParser:
    """Find what reads a file of this media type; raises UnsupportedMediaType."""
    read = {NDJSON: _ndjson_lines, JSON: parse_json_array, CSV: parse_csv}.get(media_type)
    if read is None:
        raise UnsupportedMediaType(f"send the batch as {NDJSON}, {JSON} or {CSV}")
    return read


@contextmanager
def open_records(
    path: Path, media_type: str, max_line_bytes: int
) -> Iterator[Iterator[BatchRecord]]:
    """Read the lines of a file one after the other, never the whole file at once.

    What is wrong with one line is reported for that line. Raises UnsupportedMediaType; while
    reading, MalformedJson or MalformedCsv where the file as a whole makes no sense, and
    BodyTooLarge for an item of an array that is too long: nobody knows where it ends.
    """
    read = parser_for(media_type)
    with path.open("rb") as file:
        yield read(file, max_line_bytes)


def _ndjson_lines(file: BinaryIO, max_line_bytes: int) -> Iterator[BatchRecord]:
    number = 1
    while (text := next_line(file, max_line_bytes)) != b"":
        if text is None:
            yield BatchRecord(number=number, fault=line_too_long(max_line_bytes))
        elif text.strip():
            yield BatchRecord(number=number, text=text.strip())
        number += 1
