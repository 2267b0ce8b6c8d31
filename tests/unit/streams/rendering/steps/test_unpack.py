import numpy as np
import pytest
from PIL import Image

from streams.rendering.steps.unpack import unpack
from tests.support.pictures import encoded, opened, pixels, wheel


@pytest.mark.parametrize(
    ("mode", "unpacked"),
    [
        ("1", "L"),
        ("L", "L"),
        ("P", "RGB"),
        ("RGB", "RGB"),
        ("RGBX", "RGB"),
        ("CMYK", "CMYK"),
        ("YCbCr", "RGB"),
        ("HSV", "RGB"),
        ("LAB", "RGB"),
    ],
)
def test_every_opaque_mode_becomes_one_of_a_few(mode: str, unpacked: str) -> None:
    picture = Image.new("LAB", (9, 9)) if mode == "LAB" else wheel(9, 9).convert(mode)
    assert unpack(picture).mode == unpacked


@pytest.mark.parametrize("mode", ["LA", "La", "RGBA", "RGBa", "PA"])
def test_alpha_is_kept_where_it_shows(mode: str) -> None:
    picture = Image.new("RGBA", (4, 4), (200, 100, 50, 128)).convert(mode.upper()).convert(mode)
    assert unpack(picture).getpixel((0, 0))[3] == 128  # type: ignore[index]  # of RGBA it is a tuple


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_that_hides_nothing_is_dropped(mode: str) -> None:
    assert unpack(wheel().convert(mode)).mode == "RGB"


def test_a_palette_s_transparent_entry_becomes_alpha() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((1, 0), 1)
    found = unpack(opened(encoded(picture, "PNG", transparency=1)))
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0, 255), (0, 255, 0, 0)]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_lose_their_lower_half(kind: str) -> None:
    deep = Image.fromarray(np.array([[0, 0x1234, 0x80FF, 0xFFFF]], np.uint16))
    assert pixels(unpack(opened(encoded(deep, kind))), "L").tolist() == [[0, 0x12, 0x80, 0xFF]]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([[0, 0.5, 1, np.nan, -3]], np.float32), [0, 127, 255, 0, 0]),
        (np.array([[0, 128, 255]], np.float32), [0, 128, 255]),
        (np.array([[0, 32768, 65535]], np.int32), [0, 127, 255]),
        (np.array([[0, 100_000]], np.int32), [0, 255]),
    ],
)
def test_floats_and_integers_fill_the_range_they_use(
    samples: np.ndarray[tuple[int, int], np.dtype[np.float32 | np.int32]], expected: list[int]
) -> None:
    assert pixels(unpack(Image.fromarray(samples)), "L").tolist() == [expected]
