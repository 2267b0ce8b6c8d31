"""Whatever a picture's size, mode and orientation: fitted, upright, bare, and true to its shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from streams.rendering import RenderLimits
from streams.rendering.pipeline import render
from tests.support.pictures import (
    encoded,
    opened,
    pixels,
    rendered,
    rendition,
    telltale_exif,
    wheel,
)
from tests.support.presets import PRESETS

SIDES = st.integers(1, 400) | st.sampled_from([1, 2, 255, 256, 257, 1024, 1025, 2048, 2049, 3000])
MODES = st.sampled_from(["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F"])
KINDS = st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
MAX_PIXELS = 1_000_000  # enough for every branch, little enough for many examples


def _source(width: int, height: int, mode: str, kind: str) -> bytes:
    """Write a picture of that mode; where the format has none such, as RGB."""
    if mode == "I;16":
        picture = Image.fromarray(np.full((height, width), 40_000, np.uint16))
    else:
        picture = wheel(width, height).convert("L" if mode == "PA" else "RGB").convert(mode)
    try:
        return encoded(picture, kind)
    except (OSError, ValueError):
        return encoded(wheel(width, height), kind)


@settings(max_examples=40, deadline=None)
@given(width=SIDES, height=SIDES, mode=MODES, kind=KINDS)
def test_every_rendition_fits_its_box_and_keeps_its_shape(
    width: int, height: int, mode: str, kind: str
) -> None:
    height = min(height, max(1, MAX_PIXELS // width))
    result = rendered(_source(width, height, mode, kind))
    assert (result.original.width, result.original.height) == (width, height)
    for spec, made in zip(PRESETS["default"].renditions, result.renditions, strict=True):
        assert max(made.width, made.height) == min(spec.width, max(width, height))
        scale = max(made.width, made.height) / max(width, height)
        assert abs(made.width - max(1, width * scale)) <= 1
        assert abs(made.height - max(1, height * scale)) <= 1
        picture = opened(made.data)
        assert picture.size == (made.width, made.height)
        assert not picture.getexif()
        assert not {"icc_profile", "exif", "xmp", "comment"} & set(picture.info)


@settings(max_examples=12, deadline=None)
@given(width=st.integers(1, 300), height=st.integers(1, 300), kind=st.sampled_from(["PNG", "TIFF"]))
def test_every_orientation_gives_the_same_upright_picture(
    width: int, height: int, kind: str
) -> None:
    upright = wheel(width, height)
    expected = pixels(opened(rendition(rendered(encoded(upright, kind)), "thumb").data))
    for orientation, stored in _as_stored(upright).items():
        source = encoded(stored, kind, exif=telltale_exif(orientation))
        result = rendered(source)
        assert (result.original.width, result.original.height) == (width, height)
        found = pixels(opened(rendition(result, "thumb").data))
        assert np.abs(found - expected).mean() <= 1


def _as_stored(upright: Image.Image) -> dict[int, Image.Image]:
    """Lay a picture as cameras do that write these orientations (EXIF 2.32, tag 274)."""
    turned = Image.Transpose
    return {
        1: upright,
        2: upright.transpose(turned.FLIP_LEFT_RIGHT),
        3: upright.transpose(turned.ROTATE_180),
        4: upright.transpose(turned.FLIP_TOP_BOTTOM),
        5: upright.transpose(turned.TRANSPOSE),
        6: upright.transpose(turned.ROTATE_90),
        7: upright.transpose(turned.TRANSVERSE),
        8: upright.transpose(turned.ROTATE_270),
    }


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(orientation: int) -> None:
    source = encoded(wheel(40, 20), "PNG", exif=telltale_exif(orientation))
    result = render(source, PRESETS["default"], RenderLimits())
    assert (result.original.width, result.original.height) == (40, 20)
