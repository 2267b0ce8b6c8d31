"""The structure of an encoded JPEG or WebP, read without decoding a pixel."""

import re
from dataclasses import dataclass
from typing import Final

_SCAN_END: Final = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_END_OF_IMAGE: Final = 0xD9
_START_OF_SCAN: Final = 0xDA
_EXIF_SEGMENT: Final = 0xE1
_FRAMES: Final = (0xC0, 0xC1, 0xC2)
_TABLES: Final = (0xC4, 0xDB, 0xDD, 0xE0)  # Huffman, quantisation, restart interval, JFIF
_PIXELS: Final = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})
_DIMENSION_14_BITS: Final = 0x3FFF


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPicture:
    """What the headers of a picture say; ``has_exif`` is the only metadata there can be."""

    media_type: str
    width: int
    height: int
    has_exif: bool


def encoded_picture(data: bytes) -> EncodedPicture:
    """Read the structure of a picture from its first byte to its last.

    Raises ValueError unless the bytes are one whole JPEG or WebP (JPEG: ITU-T T.81, Annex B; WebP:
    RFC 9649) made of what carries pixels, with at most an EXIF block beside it: no comment, no
    profile, no XMP, nothing before the picture or behind it. Pixels are not looked at.
    """
    try:
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except IndexError as error:
        raise ValueError("ends too early") from error
    raise ValueError("neither JPEG nor WebP")


def _jpeg(data: bytes) -> EncodedPicture:
    size: tuple[int, int] | None = None
    has_exif = False
    at = 2
    while True:
        if data[at] != 0xFF:  # noqa: PLR2004 - every marker begins so
            raise ValueError("a JPEG segment without a marker")
        marker = data[at + 1]
        length = int.from_bytes(data[at + 2 : at + 4])
        body = data[at + 4 : at + 2 + length]
        if len(body) != length - 2:
            raise ValueError("a JPEG segment that ends too early")
        if marker in _FRAMES:
            size = int.from_bytes(body[3:5]), int.from_bytes(body[1:3])
        elif marker == _EXIF_SEGMENT and body.startswith(b"Exif\0\0"):
            has_exif = True
        elif marker == _START_OF_SCAN and size:
            _check_scan(data, at + 2 + length)
            return EncodedPicture(
                media_type="image/jpeg", width=size[0], height=size[1], has_exif=has_exif
            )
        elif marker not in _TABLES:
            raise ValueError(f"a JPEG segment of kind {marker:#x}")
        at += 2 + length


def _check_scan(data: bytes, start: int) -> None:
    end = _SCAN_END.search(data, start)
    if end is None or data[end.start() + 1] != _END_OF_IMAGE or end.end() != len(data):
        raise ValueError("a JPEG with something behind its picture")


def _webp(data: bytes) -> EncodedPicture:
    if int.from_bytes(data[4:8], "little") != len(data) - 8:
        raise ValueError("a WebP of another length than it says")
    size: tuple[int, int] | None = None
    has_exif = False
    at = 12
    while at < len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + length]
        if len(body) != length:
            raise ValueError("a WebP chunk that ends too early")
        if kind == b"VP8X":
            size = _little(body[4:7]) + 1, _little(body[7:10]) + 1
        elif kind == b"EXIF":
            has_exif = True
        elif kind not in _PIXELS:
            raise ValueError(f"a WebP chunk of kind {kind!r}")
        elif size is None:
            size = _bitstream_size(kind, body)
        at += 8 + length + length % 2
    if size is None or at != len(data):
        raise ValueError("a WebP that ends too early")
    return EncodedPicture(media_type="image/webp", width=size[0], height=size[1], has_exif=has_exif)


def _bitstream_size(kind: bytes, body: bytes) -> tuple[int, int]:
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return (
            _little(body[6:8]) & _DIMENSION_14_BITS,
            _little(body[8:10]) & _DIMENSION_14_BITS,
        )
    if kind == b"VP8L" and body[0] == 0x2F:  # noqa: PLR2004 - its signature
        bits = _little(body[1:5])
        return (bits & _DIMENSION_14_BITS) + 1, (bits >> 14 & _DIMENSION_14_BITS) + 1
    raise ValueError("a WebP without a size")


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")
