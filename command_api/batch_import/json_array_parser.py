"""The parser of a JSON array of any length, item by item."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from command_api.batch_import.batch_record import BatchRecord, line_too_long
from infra.http.errors import MalformedJson

_CHUNK_BYTES = 1 << 16
_SPACE = re.compile(r"[ \t\n\r]*")


def parse_json_array(file: BinaryIO, max_item_bytes: int) -> Iterator[BatchRecord]:
    """Read one item after the other; raises MalformedJson and BodyTooLarge."""
    text = _JsonText(file)
    if not text.skip("["):
        raise MalformedJson('a batch in JSON is an array: [{"download_url": …}, …]')
    if not text.skip("]"):
        number = 1
        yield BatchRecord(number=number, text=text.item(max_item_bytes))
        while text.skip(","):
            number += 1
            yield BatchRecord(number=number, text=text.item(max_item_bytes))
        if not text.skip("]"):
            raise MalformedJson(f"after item {number} there is neither a comma nor the end: ]")
    if text.has_more():
        raise MalformedJson("there is more after the end of the array")


class _JsonText:
    """What was read of a file and not used yet; no more than about one item of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._scan = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._is_whole = False

    def skip(self, mark: str) -> bool:
        """Go past the mark, if it comes next."""
        is_next = self.has_more() and self._text[self._at] == mark
        self._at += is_next
        return is_next

    def has_more(self) -> bool:
        """Go to what comes next, past white space; False at the end of the file."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr] # matches anywhere
            if self._at < len(self._text):
                return True
            if self._is_whole:
                return False
            self._read()

    def item(self, max_bytes: int) -> bytes:
        """Go past one value and return it as it is written."""
        self.has_more()
        while True:
            try:
                _, end = self._scan(self._text, self._at)
            except (ValueError, RecursionError) as error:
                fault = str(error)  # the error itself would hold on to all of the text
            else:
                if end < len(self._text) or self._is_whole:  # else 12 may be the half of 1234
                    item = self._text[self._at : end].encode()
                    if len(item) > max_bytes:
                        raise line_too_long(max_bytes)
                    self._at = end
                    return item
                fault = "it ends in the middle"
            if len(self._text) - self._at > max_bytes:
                raise line_too_long(max_bytes)
            if self._is_whole:
                raise MalformedJson(f"the body is not JSON: {fault}")
            self._read()

    def _read(self) -> None:
        chunk = self._file.read(_CHUNK_BYTES)
        self._is_whole = not chunk
        try:
            more = self._decode(chunk, final=self._is_whole)
        except UnicodeDecodeError:
            raise MalformedJson("the body is not JSON: it is not UTF-8") from None
        self._text, self._at = self._text[self._at :] + more, 0
