"""Who names no rendition gets what stands for the picture, in the best format."""

from dataclasses import replace

import pytest

from query_api.images.content_negotiation import best_rendition
from tests.support.samples import LARGE

WEBP = replace(LARGE, name="large", media_type="image/webp", width=900, height=300)
JPEG = replace(WEBP, name="medium", media_type="image/jpeg", width=600, height=200)
PADDED = replace(JPEG, name="padded", width=900, height=900)
RENDITIONS = (WEBP, replace(JPEG, media_type="image/webp"), JPEG, PADDED)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("image/webp,*/*;q=0.8", WEBP),
        ("*/*", WEBP),
        (None, WEBP),
        ("text/html", WEBP),
        ("image/jpeg", JPEG),
    ],
)
def test_a_cut_with_more_pixels_never_stands_for_the_picture(
    accept: str | None, expected: object
) -> None:
    assert best_rendition(RENDITIONS, accept) == expected
