"""What is refused, with which code; and which picture comes out of odd but legal files."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from streams.rendering import Preset, RenderFailed, RenderLimits
from streams.rendering.formats.decoding import DecodedPicture, decode
from streams.rendering.presets import THUMB
from streams.rendering.steps.orient import orient
from tests.support.pictures import DEFAULT, LIMITS, encoded, heic, pixels, telltale_exif, wheel


def _decoded(source: bytes, preset: Preset = DEFAULT) -> DecodedPicture:
    return decode(source, LIMITS, preset)


def _code(source: bytes, limits: RenderLimits = LIMITS) -> str:
    with pytest.raises(RenderFailed) as caught:
        decode(source, limits, DEFAULT)
    assert not caught.value.is_transient
    return caught.value.code


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b""))


def _webp_header(width: int, height: int) -> bytes:
    """Make the smallest lossless WebP that claims this size: the whole bomb is 26 bytes."""
    bits = (width - 1) | (height - 1) << 14
    data = b"\x2f" + struct.pack("<I", bits) + b"\0"
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("source", [b"", b"hello", b"<html>", b"\0" * 1000, b"PK\x03\x04 a zip"])
def test_garbage_is_no_image(source: bytes) -> None:
    assert _code(source) == "not_an_image"


@pytest.mark.parametrize("source", [b"<svg/>", b"%PDF-1.4", b"%!PS", b"\xff\x0a"])
def test_known_formats_outside_the_list_are_unsupported(source: bytes) -> None:
    assert _code(source) == "unsupported_format"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_half_a_file_is_corrupt(kind: str) -> None:
    source = encoded(wheel(), kind)
    assert _code(source[: len(source) // 2]) == "corrupt_image"


@pytest.mark.parametrize(
    "source", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0"]
)
def test_a_signature_and_nothing_else_is_corrupt(source: bytes) -> None:
    assert _code(source) == "corrupt_image"


@pytest.mark.parametrize(
    "source",
    [
        _png_header(50_000, 50_000),
        _png_header(7_000, 6_000),
        _webp_header(16_383, 16_383),
        _webp_header(7_000, 6_000),
        encoded(Image.new("1", (7_000, 6_000)), "TIFF", compression="group4"),
        encoded(Image.new("L", (7_000, 6_000)), "GIF"),
    ],
    ids=["png 2500 MP", "png 42 MP", "webp 268 MP", "webp 42 MP", "tiff 42 MP", "gif 42 MP"],
)
def test_a_bomb_is_refused_by_what_its_header_says(source: bytes) -> None:
    assert _code(source) == "too_many_pixels"


def test_too_many_frames_are_refused() -> None:
    frames = [Image.new("L", (1, 1), level) for level in range(8)]
    source = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert _code(source, RenderLimits(max_frames=7)) == "too_many_frames"
    assert decode(source, RenderLimits(max_frames=8), DEFAULT).frames == 8


def test_too_many_bytes_are_refused() -> None:
    source = encoded(wheel(), "PNG")
    assert _code(source, RenderLimits(max_source_bytes=len(source) - 1)) == "too_large"


def test_errors_that_are_no_oserror_are_typed_too() -> None:
    png, end_of_header = encoded(wheel(), "PNG"), 33
    text = _chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2 << 20)))  # Pillow: ValueError
    assert _code(png[:end_of_header] + text + png[end_of_header:]) == "corrupt_image"


def test_what_the_decoder_says_is_made_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile(*_: object, **__: object) -> Image.Image:
        raise OSError("bad \x1b[31mchunk\n" + "x" * 1000)

    monkeypatch.setattr(Image, "open", hostile)
    with pytest.raises(RenderFailed) as caught:
        decode(b"", LIMITS, DEFAULT)
    assert caught.value.detail.startswith("cannot be decoded: bad [31mchunkxxx")
    assert len(caught.value.detail) < 300


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("AVIF", "image/avif")],
)
def test_the_media_type_comes_from_the_bytes(kind: str, media_type: str) -> None:
    assert _decoded(encoded(wheel(), kind)).media_type == media_type


def test_svg_is_refused_with_the_reason() -> None:
    with pytest.raises(
        RenderFailed, match="SVG is not accepted, for it can hold scripts"
    ) as caught:
        _decoded(b"<svg/>")
    assert caught.value.code == "unsupported_format"


def test_a_phone_s_heic_is_one_picture_that_stands_upright() -> None:
    picture = wheel(96, 64)
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    source = heic(turned, exif=telltale_exif(orientation=6).tobytes())
    found = _decoded(source)
    assert (found.media_type, found.frames, found.width, found.height) == ("image/heic", 1, 96, 64)
    upright = orient(found.orientation)(found.image)
    assert np.abs(pixels(upright) - pixels(picture)).mean() <= 4


def test_half_a_heic_is_corrupt() -> None:
    source = heic(wheel())
    assert _code(source[: len(source) // 2]) == "corrupt_image"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_counts_its_frames_and_shows_the_first(kind: str) -> None:
    red, *others = (Image.new("RGB", (20, 10), name) for name in ("red", "lime", "blue"))
    source = encoded(red, kind, save_all=True, append_images=others)
    found = _decoded(source)
    assert found.frames == 3
    assert np.abs(pixels(found.image) - pixels(red)).max() <= 3


def test_a_phone_s_multi_picture_is_one_jpeg() -> None:
    source = encoded(wheel(), "MPO", save_all=True, append_images=[wheel(10, 10)])
    found = _decoded(source)
    assert (found.media_type, found.frames) == ("image/jpeg", 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_width_and_height_are_those_of_the_upright_picture(kind: str) -> None:
    found = _decoded(encoded(wheel(96, 64), kind, exif=telltale_exif(orientation=6)))
    assert (found.width, found.height) == (64, 96)


def test_a_large_jpeg_is_decoded_no_finer_than_the_box_needs() -> None:
    small = replace(THUMB, width=300, height=300)
    found = _decoded(encoded(wheel(1600, 800), "JPEG"), Preset(name="small", renditions=(small,)))
    assert (found.width, found.height) == (1600, 800)
    assert found.image.size == (400, 200)  # a quarter covers the box, an eighth would not


@pytest.mark.parametrize(("orientation", "stored"), [(1, (200, 100)), (6, (400, 200))])
def test_how_fine_depends_on_how_it_lies(orientation: int, stored: tuple[int, int]) -> None:
    narrow = replace(THUMB, width=200, height=4096)
    source = encoded(wheel(1600, 800), "JPEG", exif=telltale_exif(orientation))
    found = _decoded(source, Preset(name="narrow", renditions=(narrow,)))
    assert found.image.size == stored


def test_a_broken_exif_block_costs_no_picture() -> None:
    found = _decoded(encoded(wheel(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert found.orientation == 1
