"""The vectors come from the format's own JavaScript (npm's thumbhash 0.1.1), fed these pixels."""

import numpy as np
import pytest
from PIL import Image

from streams.rendering.analysis.thumbhash import thumbhash


def _pattern(width: int, height: int, *, alpha: bool) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    veil = np.minimum(255, (x * 11 + y * 2) % 300) if alpha else np.full_like(x, 255)
    channels = [(x * 7 + y * 3) % 256, (x * x + y * 5) % 256, (y * y * 2 + x) % 256, veil]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


@pytest.mark.parametrize(
    ("width", "height", "alpha", "expected"),
    [
        (100, 100, False, "H/gBDwJ0dYV3aElXVgVWV2aX85hmZY8E"),
        (100, 75, False, "XwgGDYJ1hlh4aAhTZVR3d59GvrxA"),
        (60, 100, False, "XvgFDAJlhZZTRmBUhhh/WWTkCA=="),
        (32, 24, True, "HymGFIQ4UWpwbINIGPX0cIZXsHaGiId3CA=="),
        (100, 100, True, "H/iBDQIJaYOHfUcHRn9497M61fUyIqFxdw=="),
        (1, 1, False, "AAgCBwAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        (100, 1, False, "1xkugYR3d4eIiAiIaYiAhAg="),
        (3, 80, True, "H1mGEQglh4R3SPiHkHgH+HZ4cHiHeHg="),
        (100, 50, True, "HwiCC4IJ69IhWJDfettvY2JgcXB3d3c="),  # a half to round, as JavaScript does
        (50, 100, True, "nwiCCwQZRNcYCEQ/5lCSDpcnWAd3dng="),
        (17, 100, True, "nuiFEQoZl0wGCIypWmDIByJ4AnvChnY="),
    ],
)
def test_the_hash_is_the_reference_s(
    *, width: int, height: int, alpha: bool, expected: str
) -> None:
    assert thumbhash(_pattern(width, height, alpha=alpha)) == expected


def test_a_picture_of_which_nothing_shows_has_a_hash_too() -> None:
    assert thumbhash(Image.new("RGBA", (4, 4))) == "AAiCBQAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
