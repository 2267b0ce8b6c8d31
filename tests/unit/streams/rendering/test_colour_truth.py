"""Colours against what the formats' definitions say, by files and formulae that are not Pillow's.

PNG and JPEG files are written here byte by byte, profiles tag by tag; what they must look like is
computed with numpy from the definitions of sRGB, ICC and Adobe's inks.
"""

import struct
import zlib
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from streams.rendering.formats.decoding import decode
from streams.rendering.pipeline import steps
from streams.rendering.steps.step import apply_steps
from streams.rendering.steps.to_srgb import to_srgb
from tests.support.pictures import D50, DEFAULT, LIMITS, SRGB_PRIMARIES, profile, profile_tags

Numbers = NDArray[np.float64]

ADOBE_PRIMARIES: Final = np.array(  # Adobe RGB (1998), D50
    [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
)
P3_PRIMARIES: Final = np.array(  # Display P3, D50: what phones embed
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)


def _shown(source: bytes) -> NDArray[np.int16]:
    """Decode and bring to sRGB as the pipeline does, before anything is encoded."""
    decoded = decode(source, LIMITS, DEFAULT)
    picture = apply_steps(decoded.image, steps(decoded, (decoded.width, decoded.height)))
    return np.asarray(picture, np.int16)


def _srgb(linear: Numbers) -> Numbers:
    linear = np.clip(linear, 0, 1)
    curved = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055
    )
    return 255 * curved


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(samples: NDArray[Any], depth: int, colour_type: int, *chunks: bytes) -> bytes:
    """Write one row; the samples are packed as the format says."""
    if depth == 16:
        row = samples.astype(">u2").tobytes()
    elif depth == 8:
        row = samples.astype(np.uint8).tobytes()
    else:
        bits = np.unpackbits(samples.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
        row = np.packbits(bits).tobytes()
    header = struct.pack(">IIBBBBB", samples.shape[0], 1, depth, colour_type, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            *chunks,
            _chunk(b"IDAT", zlib.compress(b"\0" + row)),
            _chunk(b"IEND", b""),
        ]
    )


GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
DEEP: Final = np.array([0, 1, 255, 256, 0x1234, 0x7FFF, 0x8000, 0xFEFF, 0xFFFF])


def test_sixteen_bits_of_grey_are_the_same_grey_in_eight() -> None:
    found = _shown(_png(DEEP, 16, GREY))
    assert np.abs(found[0, :, 0] - DEEP / 257).max() <= 1
    assert (found[..., 0] == found[..., 2]).all()


def test_sixteen_bits_of_colour_are_the_same_colour_in_eight() -> None:
    samples = np.stack([DEEP, DEEP[::-1], np.roll(DEEP, 3)], -1)
    assert np.abs(_shown(_png(samples, 16, COLOUR))[0] - samples / 257).max() <= 1


@pytest.mark.parametrize(("depth", "white"), [(8, 255), (16, 65535)])
def test_grey_with_alpha_keeps_both(depth: int, white: int) -> None:
    samples = np.array([[0, white], [white // 3, white // 2], [white, white // 5], [white, 0]])
    found = _shown(_png(samples, depth, GREY_ALPHA))[0]
    assert np.abs(found[:, 0] - 255 * samples[:, 0] / white).max() <= 1
    assert np.abs(found[:, 3] - 255 * samples[:, 1] / white).max() <= 1


def test_sixteen_bits_of_colour_with_alpha_keep_both() -> None:
    samples = np.stack([DEEP, DEEP[::-1], np.roll(DEEP, 3), np.roll(DEEP, 1)], -1)
    assert np.abs(_shown(_png(samples, 16, COLOUR_ALPHA))[0] - samples / 257).max() <= 1


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_of_grey_reach_from_black_to_white(depth: int) -> None:
    levels = np.arange(2**depth)
    found = _shown(_png(levels, depth, GREY))
    assert np.abs(found[0, :, 0] - 255 * levels / (2**depth - 1)).max() <= 1


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_s_entries_have_their_colour_and_their_alpha(depth: int) -> None:
    colours = np.array(
        [[255, 0, 0], [0, 255, 0]] if depth == 1 else [[9, 8, 7], [0, 255, 0], [1, 2, 250]]
    )
    alphas = np.array([255, 77, 0])[: len(colours)]
    palette = _chunk(b"PLTE", colours.astype(np.uint8).tobytes())
    veil = _chunk(b"tRNS", alphas.astype(np.uint8).tobytes())
    found = _shown(_png(np.arange(len(colours)), depth, PALETTE, palette, veil))[0]
    assert (found[:, :3] == colours).all()
    assert (found[:, 3] == alphas).all()


def test_one_colour_that_stands_for_clear_is_clear() -> None:
    samples = np.array([[10, 20, 30], [10, 20, 31]])
    key = _chunk(b"tRNS", struct.pack(">HHH", 10, 20, 30))
    assert _shown(_png(samples, 8, COLOUR, key))[0, :, 3].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("primaries", "gamma"),
    [(ADOBE_PRIMARIES, 563 / 256), (P3_PRIMARIES, 2.2), (SRGB_PRIMARIES, 1.8), (P3_PRIMARIES, 1.0)],
    ids=["Adobe RGB", "P3", "sRGB's primaries, another curve", "P3, linear"],
)
def test_colours_of_a_matrix_profile_are_those_its_matrix_and_curve_say(
    primaries: Numbers, gamma: float
) -> None:
    chance = np.random.default_rng(4711)
    # Half saturated, so that nearly all of them are colours that sRGB has too.
    samples = 128 + chance.integers(-90, 90, (200, 3)) // np.array([2, 2, 2])
    linear = (samples / 255) ** gamma
    in_srgb = linear @ primaries.T @ np.linalg.inv(SRGB_PRIMARIES).T
    inside = ((in_srgb > 0) & (in_srgb < 1)).all(1)
    assert inside.sum() > 150
    icc = _chunk(b"iCCP", b"p\0\0" + zlib.compress(profile(primaries, gamma)))
    found = _shown(_png(samples, 8, COLOUR, icc))[0]
    assert np.abs(found - _srgb(in_srgb))[inside].max() <= 2


def test_an_ink_profile_s_colours_are_those_its_table_says() -> None:
    lab = np.array(  # of paper, then of one, two or three inks; black ink is black
        [
            (100, 0, 0),
            (80, 8, 60),
            (60, 40, -5),
            (55, 45, 30),
            (65, -25, -30),
            (60, -40, 25),
            (45, 10, -40),
            (40, 2, 3),
        ],
        float,
    )
    icc = _ink_profile(lab)
    inks = [(c, m, y, 0) for c in (0, 255) for m in (0, 255) for y in (0, 255)]
    picture = Image.new("CMYK", (8, 1))
    for x, ink in enumerate(inks):
        picture.putpixel((x, 0), ink)
    found = np.asarray(to_srgb(icc)(picture), np.int16)[0]
    expected = _srgb(_xyz(lab) @ np.linalg.inv(SRGB_PRIMARIES).T)
    assert np.abs(found - expected).max() <= 3


def _ink_profile(lab: Numbers) -> bytes:
    """Build a printer's profile of 16 corners: what ICC.1 calls lut8Type, Lab in 8 bits."""
    eight = [tuple(lab[n // 2] if n % 2 == 0 else (0, 0, 0)) for n in range(16)]
    table = bytes(round(v) for light, a, b in eight for v in (light * 255 / 100, a + 128, b + 128))
    straight = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + straight * 4 + table + straight * 3
    return profile_tags({b"A2B0": lut}, space=b"CMYK", connection=b"Lab ", kind=b"prtr")


def _xyz(lab: Numbers) -> Numbers:
    middle = (lab[:, 0] + 16) / 116
    f = np.stack([middle + lab[:, 1] / 500, middle, middle - lab[:, 2] / 200], -1)
    return D50 * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))


INKS: Final = [(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 255, 0), (40, 90, 200, 60), (0, 0, 0, 200)]


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("kind", ["CMYK", "YCCK"])
def test_adobe_s_inverted_inks_are_turned_back(ink: tuple[int, int, int, int], kind: str) -> None:
    """Photoshop writes 255 for no ink, and says so by its marker alone (Adobe TN 5116)."""
    inverted = 255 - np.array(ink)
    if kind == "CMYK":
        values, transform = inverted.tolist(), 0
    else:
        cyan, magenta, yellow = 255 - inverted[:3]  # YCC of what JFIF calls red, green and blue
        values = [
            0.299 * cyan + 0.587 * magenta + 0.114 * yellow,
            128 - 0.168736 * cyan - 0.331264 * magenta + 0.5 * yellow,
            128 + 0.5 * cyan - 0.418688 * magenta - 0.081312 * yellow,
            float(inverted[3]),
        ]
        transform = 2
    found = _shown(_flat_jpeg(values, transform))
    paper = 1 - np.array(ink) / 255
    assert np.abs(found - 255 * paper[:3] * paper[3]).max() <= 3


def _flat_jpeg(values: list[float], adobe_transform: int) -> bytes:
    """Write a JPEG of one 8 x 8 block a component, each of one value (ITU T.81, baseline)."""
    bits = ""
    for value in values:
        step = round(8 * (value - 128))  # the mean, times 8; nothing varies
        category = abs(step).bit_length()
        bits += _DC_CODES[category]
        bits += format(step if step >= 0 else step + 2**category - 1, f"0{category}b") * bool(
            category
        )
        bits += "0"  # the only code of the table for what varies: nothing more
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    count = len(values)
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, adobe_transform)),
            _segment(0xDB, b"\0" + b"\x01" * 64),
            _segment(
                0xC0,
                struct.pack(">BHHB", 8, 8, 8, count)
                + b"".join(bytes([n, 0x11, 0]) for n in range(1, count + 1)),
            ),
            _segment(
                0xC4, b"\0" + bytes([0, 1, 5, 1, 1, 1, 1, 1, 1, *(0,) * 7]) + bytes(range(12))
            ),
            _segment(0xC4, b"\x10" + bytes([1, *(0,) * 15]) + b"\0"),
            _segment(
                0xDA,
                bytes([count]) + b"".join(bytes([n, 0]) for n in range(1, count + 1)) + b"\0\x3f\0",
            ),
            scan,
            b"\xff\xd9",
        ]
    )


_DC_CODES: Final = (
    "00",
    "010",
    "011",
    "100",
    "101",
    "110",
    "1110",
    *("1" * n + "0" for n in range(4, 9)),
)


def _segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data
