"""No rendition tells more than its pixels: looked at by exiv2, part by part, and byte by byte."""

import contextlib
import io
import struct
from collections.abc import Iterator
from typing import Final

import pyexiv2
import pytest
from PIL import Image

from streams.rendering import Preset, RenderLimits, RenditionBytes
from streams.rendering.pipeline import render
from tests.support.pictures import (
    CANARY,
    SRGB_PRIMARIES,
    encoded,
    heic,
    profile,
    profile_tags,
    telltale_exif,
    wheel,
)
from tests.support.presets import PRESETS

SECRET: Final = CANARY.encode()
NOTICE: Final = "(c) 2026 Somebody"

# JPEG: start, JFIF, tables, frame, scan, end. No APP1 to APP15, no comment.
_JPEG_PARTS: Final = {0xD8, 0xE0, 0xDB, 0xC0, 0xC4, 0xDA, 0xD9}
_WEBP_PARTS: Final = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
_EXIF_PARTS: Final[set[int | bytes]] = {0xE1, b"EXIF"}


def _profile() -> bytes:
    """Take a real profile and add a text, where makers of profiles sign them."""
    text = b"text" + bytes(4) + SECRET + b"\0"
    tags = {
        b"cprt": text,
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(SECRET) + 1) + SECRET + bytes(80),
    }
    head = profile(SRGB_PRIMARIES, 1.8)
    count = struct.unpack(">I", head[128:132])[0]
    for at in range(132, 132 + 12 * count, 12):
        name, offset, length = struct.unpack(">4sII", head[at : at + 12])
        tags[name] = head[offset : offset + length]
    return profile_tags(tags)


def _told(source: bytes) -> bytes:
    """Have exiv2 write all that it can write into a file."""
    preview = encoded(Image.new("RGB", (32, 24), "blue"), "JPEG", comment=SECRET)
    with pyexiv2.ImageData(source) as file:
        file.modify_exif(
            {
                "Exif.Image.Artist": CANARY,
                "Exif.Image.Copyright": NOTICE,
                "Exif.Image.XPComment": " ".join(map(str, CANARY.encode("utf-16-le"))),
                "Exif.Photo.BodySerialNumber": CANARY,
                "Exif.Photo.UserComment": CANARY,
                "Exif.Photo.MakerNote": " ".join(map(str, SECRET)),
                "Exif.GPSInfo.GPSLatitudeRef": "N",
                "Exif.GPSInfo.GPSLatitude": "52/1 31/1 12/1",
                "Exif.GPSInfo.GPSAreaInformation": CANARY,
            }
        )
        file.modify_thumbnail(preview)
        file.modify_xmp({"Xmp.dc.creator": [CANARY], "Xmp.exif.GPSLatitude": "52,31.2N"})
        with contextlib.suppress(RuntimeError):  # WebP and TIFF have no room for these
            file.modify_iptc({"Iptc.Application2.Byline": CANARY})
            file.modify_comment(CANARY)
        return bytes(file.get_bytes())


def _sources() -> Iterator[tuple[str, bytes]]:
    picture, icc = wheel(150, 100), _profile()
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        yield kind, _told(encoded(picture, kind, icc_profile=icc))
    beside = {"exif": telltale_exif().tobytes(), "xmp": b"<x:xmpmeta>" + SECRET, "icc_profile": icc}
    yield "progressive JPEG", _told(encoded(picture, "JPEG", progressive=True))
    yield "CMYK JPEG", _told(encoded(picture.convert("CMYK"), "JPEG"))
    yield "AVIF", encoded(picture, "AVIF", **beside)
    yield "HEIC", heic(picture, **beside)
    yield "GIF", encoded(picture.convert("P"), "GIF", comment=SECRET)
    yield (
        "MPO",
        encoded(picture, "MPO", save_all=True, append_images=[wheel(9, 9)], exif=beside["exif"]),
    )
    others = [picture.rotate(90), picture.rotate(180)]
    for kind in ("GIF", "PNG", "WEBP"):
        moving = encoded(
            picture, kind, save_all=True, append_images=others, comment=SECRET, **beside
        )
        yield f"moving {kind}", moving
    clear = picture.copy()
    clear.putalpha(99)
    yield "clear PNG", _told(encoded(clear, "PNG"))


SOURCES: Final = dict(_sources())


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
def test_nothing_but_pixels_leaves_and_the_copyright_where_the_preset_keeps_it(
    source: bytes, preset: Preset
) -> None:
    assert SECRET in source
    exif_parts = _EXIF_PARTS if preset.keep_copyright else set()
    for made in render(source + SECRET, preset, RenderLimits()).renditions:
        assert set(_parts(made)) <= _JPEG_PARTS | _WEBP_PARTS | exif_parts
        found = _found_by_exiv2(made.data)
        if not preset.keep_copyright:
            assert found == {}
        elif NOTICE.encode() in source:
            assert found == {"Exif.Image.Copyright": NOTICE}
        else:  # the notice itself is what the canary was written into
            assert found.keys() <= {"Exif.Image.Copyright"}
            continue
        _assert_silent(made.data)


def test_the_look_itself_sees_what_there_is() -> None:
    """Were these blind, the tests above would prove nothing."""
    source = SOURCES["JPEG"]
    found = _found_by_exiv2(source)
    assert {
        "Exif.GPSInfo.GPSLatitude",
        "Iptc.Application2.Byline",
        "Xmp.dc.creator",
    } <= found.keys()
    assert {"comment", "profile", "thumbnail"} <= found.keys()
    with pytest.raises(AssertionError):
        _assert_silent(source)


def _assert_silent(data: bytes) -> None:
    for canary in (SECRET, CANARY.encode("utf-16-le"), CANARY.encode("utf-16-be")):
        assert canary not in data


def _found_by_exiv2(data: bytes) -> dict[str, object]:
    with pyexiv2.ImageData(data) as file:
        beside = {
            "comment": file.read_comment(),
            "profile": file.read_icc(),
            "thumbnail": file.read_thumbnail(),
        }
        found: dict[str, object] = file.read_exif() | file.read_iptc() | file.read_xmp()
        return found | {name: value for name, value in beside.items() if value}


def _parts(made: RenditionBytes) -> Iterator[int | bytes]:
    return _jpeg_parts(made.data) if made.media_type == "image/jpeg" else _webp_parts(made.data)


def _jpeg_parts(data: bytes) -> Iterator[int]:
    file = io.BytesIO(data)
    while marker := file.read(2):
        assert marker[0] == 0xFF
        yield marker[1]
        if marker[1] == 0xDA:  # one scan, to the end
            assert data.endswith(b"\xff\xd9")
            return
        if marker[1] != 0xD8:
            file.seek(struct.unpack(">H", file.read(2))[0] - 2, io.SEEK_CUR)


def _webp_parts(data: bytes) -> Iterator[bytes]:
    assert len(data) == 8 + struct.unpack("<I", data[4:8])[0]
    at = 12
    while at < len(data):
        name, length = struct.unpack("<4sI", data[at : at + 8])
        yield name
        at += 8 + length + length % 2
    assert at == len(data)
