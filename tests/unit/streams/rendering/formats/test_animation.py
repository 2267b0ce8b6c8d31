"""What moves keeps moving, at its own pace and as often; what stands for it is its first frame."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from streams.rendering import RenderFailed, RenderLimits, RenderResult
from streams.rendering.pipeline import render
from tests.support.pictures import DEFAULT, encoded, facts, opened, pixels, rendered, rendition
from tests.support.presets import PRESETS

SAMPLES = Path(__file__).parents[5] / "samples"
COLOURS = ("red", "lime", "blue", "white")
DURATIONS_MS = [40, 250, 1000, 90]


def _animation(kind: str, size: tuple[int, int] = (60, 40), **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own
    first, *others = (Image.new("RGB", size, name) for name in COLOURS)
    options = {"duration": DURATIONS_MS, "loop": 0} | options
    return encoded(first, kind, save_all=True, append_images=others, **options)


def _frames(data: bytes) -> list[tuple[int, tuple[int, ...]]]:
    """List how long each frame stands, and the colour in its middle."""
    picture = Image.open(io.BytesIO(data))
    found = []
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        picture.load()
        middle = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
        assert isinstance(middle, tuple)
        found.append((round(picture.info["duration"]), middle))
    return found


def _plays(result: RenderResult) -> int:
    return int(Image.open(io.BytesIO(rendition(result, "large").data)).info["loop"])


def _bits(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_every_webp_rendition_moves_as_the_source_does(kind: str) -> None:
    result = rendered(_animation(kind, (600, 400)))
    assert result.original.frames == 4
    for name in ("large", "medium", "thumb"):
        frames = _frames(rendition(result, name).data)
        assert [stands_ms for stands_ms, _ in frames] == DURATIONS_MS
        for (_, found), colour in zip(frames, COLOURS, strict=True):
            asked = pixels(Image.new("RGB", (1, 1), colour))[0, 0]
            assert np.abs(np.array(found) - asked).max() <= 6


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_stills_and_facts_are_those_of_the_first_frame(kind: str) -> None:
    first = opened((SAMPLES / "cat.jpg").read_bytes()).resize((60, 40))
    other = Image.new("RGB", (60, 40), "white")
    moving = rendered(encoded(first, kind, save_all=True, append_images=[other], quality=100))
    still = rendered(encoded(first, kind, quality=100))
    jpeg = opened(rendition(moving, "medium", "image/jpeg").data)
    assert np.abs(pixels(jpeg) - pixels(first)).mean() <= 6
    assert _bits(facts(moving).perceptual_hash, facts(still).perceptual_hash) <= 4
    assert "#ffffff" not in facts(moving).dominant_colours


@pytest.mark.parametrize(
    ("kind", "loop", "plays"),
    [
        ("GIF", None, 1),  # no word of it: once
        ("GIF", 0, 0),
        ("GIF", 2, 3),  # a GIF counts repetitions
        ("PNG", 0, 0),
        ("PNG", 3, 3),
        ("WEBP", 5, 5),
        ("WEBP", 0, 0),
    ],
)
def test_it_plays_as_often(kind: str, loop: int | None, plays: int) -> None:
    assert _plays(rendered(_animation(kind, loop=loop))) == plays


def test_what_shines_through_stays_clear() -> None:
    dot = Image.new("RGBA", (30, 30))
    dot.paste((255, 0, 0, 255), (0, 0, 10, 10))
    moved = Image.new("RGBA", (30, 30))
    moved.paste((255, 0, 0, 255), (20, 20, 30, 30))
    source = encoded(dot, "WEBP", save_all=True, append_images=[moved], duration=100, lossless=True)
    picture = Image.open(io.BytesIO(rendition(rendered(source), "large").data))
    picture.seek(1)
    found = np.asarray(picture.convert("RGBA"))
    assert found[5, 5, 3] == 0  # where it was before, nothing is left
    assert found[25, 25, 3] == 255


def test_the_stand_in_of_an_apng_is_the_still_and_no_part_of_the_film() -> None:
    first, *others = (Image.new("RGB", (20, 20), name) for name in COLOURS)
    source = encoded(
        first, "PNG", save_all=True, append_images=others, default_image=True, duration=[50, 60, 70]
    )
    result = rendered(source)
    large = _frames(rendition(result, "large").data)
    assert [stands_ms for stands_ms, _ in large] == [50, 60, 70]
    assert large[0][1][1] > 250  # lime
    jpeg = opened(rendition(result, "medium", "image/jpeg").data)
    assert np.abs(pixels(jpeg) - [255, 0, 0]).max() <= 3


def test_a_film_is_cut_like_its_first_frame() -> None:
    result = render(_animation("GIF", (600, 400)), PRESETS["product"], RenderLimits())
    square = rendition(result, "square")
    assert (square.width, square.height) == (400, 400)
    assert len(_frames(square.data)) == 4


def test_too_many_pixels_in_all_frames_together_are_too_many_frames() -> None:
    source, pixels_of_all = _animation("GIF"), 4 * 60 * 40
    limits = RenderLimits(max_moving_pixels=pixels_of_all - 1)
    with pytest.raises(RenderFailed) as caught:
        render(source, DEFAULT, limits)
    assert caught.value.code == "too_many_frames"
    assert render(source, DEFAULT, RenderLimits(max_moving_pixels=pixels_of_all))


def test_the_pages_of_a_tiff_are_no_film() -> None:
    result = rendered(_animation("TIFF"))
    assert result.original.frames == 4
    assert getattr(opened(rendition(result, "large").data), "n_frames", 1) == 1


def test_a_later_frame_that_is_broken_makes_a_corrupt_image() -> None:
    source = _animation("GIF", (200, 200))
    with pytest.raises(RenderFailed) as caught:
        rendered(source[: len(source) - 60])
    assert caught.value.code == "corrupt_image"


def test_frames_that_reach_beyond_the_first_are_cut_to_it() -> None:
    one = encoded(Image.new("L", (20, 10), 255), "GIF")
    two = encoded(Image.new("L", (40, 30), 0), "GIF")
    start = 6 + 7 + 3 * 2 ** ((two[10] & 7) + 1)  # past header and colours: its own canvas is lost
    colours = two[13:start]
    image = two.index(b",", start)
    descriptor = bytearray(two[image : image + 10])
    descriptor[9] = 0x80 | (two[10] & 7)  # bring the colours along
    grown = one[:-1] + bytes(descriptor) + colours + two[image + 10 :]
    result = rendered(grown)
    assert (result.original.width, result.original.height, result.original.frames) == (20, 10, 2)
    assert opened(rendition(result, "large").data).size == (20, 10)
