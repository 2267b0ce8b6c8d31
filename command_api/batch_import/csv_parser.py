"""The CSV parser (RFC 4180): rows as JSON objects, named by the header."""

import csv
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import BinaryIO

from command_api.batch_import.batch_record import BatchRecord, line_too_long, next_line
from domain.asset.description import DESCRIPTION_FIELDS
from infra.http.errors import MalformedCsv, RequestError

_BOM = b"\xef\xbb\xbf"
_CATEGORIES = ("category", "categories")
_DESCRIBED = {field.name: field.kind for field in DESCRIPTION_FIELDS if field.kind != "json"}
_COLUMNS = ("download_url", *_CATEGORIES, *_DESCRIBED, "preset", "duplicates")
_BETWEEN = re.compile(r"[;|]")  # two categories, tags or numbers in one cell
_WRITE = json.JSONEncoder(ensure_ascii=False).encode


def parse_csv(file: BinaryIO, max_row_bytes: int) -> Iterator[BatchRecord]:
    """Read one row after the other; empty cells are fields that are not given.

    Cells may hold line breaks, so a quote that is never closed would eat all that follows: then
    its first line alone is the bad one, and reading goes on behind it. Raises MalformedCsv when the
    header makes no sense.
    """
    text = _CsvText(file, max_row_bytes)
    comma = text.sniff()
    _, header = text.row(comma)
    columns = _columns(header)
    while True:
        number, cells = text.row(comma)
        if isinstance(cells, RequestError):
            yield BatchRecord(number=number, fault=cells)
        elif cells is None:
            return
        elif len(cells) > len(columns):
            wrong = f"the row has {len(cells)} cells, the header {len(columns)}"
            yield BatchRecord(number=number, fault=MalformedCsv(wrong))
        elif any(cells):
            yield _line(number, dict(zip(columns, cells, strict=False)))


def _columns(header: Sequence[str] | RequestError | None) -> list[str]:
    if isinstance(header, RequestError):
        raise header
    columns = [name.strip().lower() for name in header or ()]
    unknown = [name for name in columns if name not in _COLUMNS]
    if unknown or len(set(columns)) < len(columns):
        odd = f"{unknown[0]!r} is none" if unknown else "one is there twice"
        raise MalformedCsv(f"the header may name {', '.join(_COLUMNS)}; {odd}")
    if "download_url" not in columns:
        raise MalformedCsv("the first row must name the columns, download_url among them")
    return columns


def _line(number: int, cells: Mapping[str, str]) -> BatchRecord:
    given: dict[str, object] = {
        name: _value(_DESCRIBED.get(name, "text"), cell)
        for name, cell in cells.items()
        if cell.strip() and name not in _CATEGORIES
    }
    refs = [ref for name in _CATEGORIES for ref in _parts(cells.get(name, ""))]
    if refs:
        given |= {"category": refs[0]} if len(refs) == 1 else {"categories": refs}
    try:
        return BatchRecord(number=number, text=_WRITE(given).encode())
    except UnicodeEncodeError:
        return BatchRecord(number=number, fault=MalformedCsv("the row is not UTF-8"))


def _value(kind: str, cell: str) -> object:
    match kind:
        case "tags":
            return _parts(cell)
        case "point":
            return _point(cell)
    return cell.strip()


def _point(cell: str) -> object:
    """Read two numbers; anything else is left to the field's own check."""
    try:
        x, y = map(float, _parts(cell))
    except ValueError:
        return cell
    return {"x": x, "y": y} if isfinite(x + y) else cell


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in _BETWEEN.split(cell) if part.strip()]


class _CsvText:
    """Hands physical lines to csv.reader, and takes those back that turn out not to be of a row."""

    def __init__(self, file: BinaryIO, max_row_bytes: int) -> None:
        self._file = file
        self._max_row_bytes = max_row_bytes
        self._ahead: deque[bytes | None] = deque()
        self._row: list[bytes | None] = []
        self._number = 0

    def sniff(self) -> str:
        """Tell what stands between two cells: some spreadsheets write semicolons."""
        first = (next_line(self._file, self._max_row_bytes) or b"").removeprefix(_BOM)
        self._ahead.append(first)
        return max(",;\t", key=lambda mark: first.count(mark.encode()))

    def row(self, comma: str) -> tuple[int, list[str] | RequestError | None]:
        """Read one row and where it began: its cells, or what is wrong with it; None at the end."""
        number, self._row = self._number + 1, []
        try:
            cells = next(csv.reader(self, delimiter=comma, strict=True), None)
        except (csv.Error, RequestError) as error:
            self._ahead.extendleft(reversed(self._row[1:]))
            self._number = number
            fault = error if isinstance(error, RequestError) else _not_a_row(error)
            return number, fault
        return number, cells

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Give the next line of the row that is being read."""
        line = self._ahead.popleft() if self._ahead else next_line(self._file, self._max_row_bytes)
        if line == b"":
            raise StopIteration
        self._number += 1
        self._row.append(line)
        if line is None or sum(len(part or b"") for part in self._row) > self._max_row_bytes:
            raise line_too_long(self._max_row_bytes)
        return line.decode("utf-8", "surrogateescape")  # which cannot be encoded again


def _not_a_row(error: csv.Error) -> MalformedCsv:
    return MalformedCsv(f"the row cannot be read, perhaps for a quote: {error}")
