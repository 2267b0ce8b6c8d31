"""Whatever picture and mark: nothing is enlarged, and what is not marked stays as it was."""

from dataclasses import replace
from typing import get_args

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from streams.rendering.presets import Watermark, WatermarkPosition
from streams.rendering.steps.watermark import stamp
from tests.support.pictures import encoded, opened, pixels

SIDES = st.integers(1, 200)
POSITIONS = st.sampled_from(get_args(WatermarkPosition))
RED, BLUE = (230, 10, 20), (20, 10, 230)


def _mark(width: int, height: int, alpha: int = 255) -> bytes:
    return encoded(Image.new("RGBA", (width, height), (*RED, alpha)), "PNG")


@st.composite
def watermarks(draw: st.DrawFn) -> Watermark:
    return Watermark(
        picture=_mark(draw(SIDES), draw(SIDES)),
        position=draw(POSITIONS),
        opacity=draw(st.floats(0.2, 1)),
        width_share=draw(st.floats(0.01, 1)),
    )


def _marked_box(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    box = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox()
    assert box, "the mark is seen"
    return box


@given(watermark=watermarks(), page=st.tuples(SIDES, SIDES), mode=st.sampled_from(["RGB", "RGBA"]))
def test_a_mark_has_its_share_of_the_width_its_shape_and_its_colour(
    watermark: Watermark, page: tuple[int, int], mode: str
) -> None:
    picture = Image.new(mode, page, BLUE)
    found = stamp(watermark, page)(picture)

    assert (found.mode, found.size) == (mode, page)
    assert picture.getcolors() == Image.new(mode, page, BLUE).getcolors(), "what was given stays"
    left, top, right, bottom = _marked_box(picture, found)
    own = opened(watermark.picture).size
    width, height = right - left, bottom - top
    assert width <= min(own[0], max(1, watermark.width_share * page[0] + 0.5))
    assert height <= min(own[1], page[1])
    scale = min(1, watermark.width_share * page[0] / own[0], page[1] / own[1])
    assert (width, height) == (max(1, round(own[0] * scale)), max(1, round(own[1] * scale)))
    expected = np.array(BLUE) + (np.array(RED) - BLUE) * watermark.opacity
    assert np.abs(pixels(found)[top:bottom, left:right] - expected).max() <= 2


@given(watermark=watermarks(), page=st.tuples(SIDES, SIDES))
def test_a_mark_lies_in_its_corner(watermark: Watermark, page: tuple[int, int]) -> None:
    def found(position: WatermarkPosition) -> tuple[int, int, int, int]:
        picture = Image.new("RGB", page, BLUE)
        return _marked_box(picture, stamp(replace(watermark, position=position), page)(picture))

    def mirrored(box: tuple[int, int, int, int], *, across: bool) -> tuple[int, int, int, int]:
        left, top, right, bottom = box
        if across:
            return page[0] - right, top, page[0] - left, bottom
        return left, page[1] - bottom, right, page[1] - top

    left, top, right, bottom = found("north-west")
    assert left <= page[0] / 40
    assert top <= page[0] / 40
    assert found("north-east") == mirrored((left, top, right, bottom), across=True)
    assert found("south-west") == mirrored((left, top, right, bottom), across=False)
    assert found("south-east") == mirrored(found("south-west"), across=True)
    middle = found("centre")
    assert abs(middle[0] + middle[2] - page[0]) <= 1
    assert abs(middle[1] + middle[3] - page[1]) <= 1


@given(alpha=st.integers(0, 255), opacity=st.floats(0.01, 1))
def test_what_is_clear_in_a_mark_stays_clear(alpha: int, opacity: float) -> None:
    watermark = Watermark(
        picture=_mark(40, 20, alpha), position="centre", opacity=opacity, width_share=1
    )
    found = stamp(watermark, (40, 20))(Image.new("RGB", (40, 20), BLUE))
    expected = np.array(BLUE) + (np.array(RED) - BLUE) * (alpha / 255 * opacity)
    assert np.abs(pixels(found) - expected).max() <= 2
