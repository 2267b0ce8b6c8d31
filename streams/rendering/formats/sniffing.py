"""Sniffing: the format of a source by its first bytes, before any decoder sees it."""

import re
from typing import Final

_SNIFFED_BYTES: Final = 4096

_ACCEPTED: Final = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
)
_MEDIA_TYPES: Final = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG": "image/png",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II": "image/tiff",
    b"MM": "image/tiff",
    b"RIFF": "image/webp",
}
_REFUSED: Final = {
    b"%PDF-": "PDF",
    b"%!PS": "EPS",
    b"\xc5\xd0\xd3\xc6": "EPS",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\x01\0": "ICO",
    b"\0\0\x02\0": "CUR",
    b"8BPS": "Photoshop",
    b"gimp xcf": "XCF",
    b"DDS ": "DDS",
    b"v/1\x01": "OpenEXR",
    b"SIMPLE  =": "FITS",
    b"FUJIFILM": "Fujifilm RAW",
    b"icns": "ICNS",
    b"qoif": "QOI",
}
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"},
)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_CANON_RAW: Final = b"CR\x02\0"  # at byte 8 of what is otherwise a TIFF
_SVG: Final = re.compile(rb"\A(\xef\xbb\xbf)?\s*(<\?xml|<!--|<!DOCTYPE\s+svg|<svg)", re.IGNORECASE)


def refused_format(source: bytes) -> str | None:
    """Name the image format, if it is one that we know and do not take."""
    for magic, name in _REFUSED.items():
        if source.startswith(magic):
            return name
    if source[8:12] == _CANON_RAW and is_accepted(source):
        return "Canon RAW"
    head = source[:_SNIFFED_BYTES]
    return "SVG" if _SVG.match(head) and b"<svg" in head else None


def is_accepted(source: bytes) -> bool:
    """Tell whether the source begins like a format that we take; the rest may be broken."""
    return (
        source.startswith(_ACCEPTED)
        or (source.startswith(b"RIFF") and source[8:12] == b"WEBP")
        or bool(_brands(source) & (_AVIF_BRANDS | _HEIC_BRANDS))
    )


def media_types(source: bytes) -> frozenset[str]:
    """Name what a source may be, going by its first bytes; nothing if it is none that we take."""
    if is_accepted(source):
        for magic, media_type in _MEDIA_TYPES.items():
            if source.startswith(magic):
                return frozenset({media_type})
    brands = _brands(source)
    found = {"image/avif"} if brands & _AVIF_BRANDS else set[str]()
    return frozenset(found | {"image/heic"} if brands & _HEIC_BRANDS else found)


def is_heic(source: bytes) -> bool:
    """Tell a phone's HEIC from an AVIF, which may claim to be both."""
    brands = _brands(source)
    return bool(brands & _HEIC_BRANDS) and not brands & _AVIF_BRANDS


def _brands(source: bytes) -> frozenset[bytes]:
    """List the brands of an ISO media file: the major one, then the compatible ones."""
    if source[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(source[:4]), _SNIFFED_BYTES)
    return frozenset(source[at : at + 4] for at in (8, *range(16, end, 4)))
