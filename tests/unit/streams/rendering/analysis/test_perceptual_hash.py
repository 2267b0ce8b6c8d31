"""The expected values come from the Python package ImageHash 4.3.2 (``imagehash.phash``)."""

from pathlib import Path

import pytest
from PIL import Image

from streams.rendering.analysis.perceptual_hash import perceptual_hash
from tests.support.pictures import encoded, facts, opened, rendered

SAMPLES = Path(__file__).parents[5] / "samples"


def _distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("astronaut.jpg", "c2924c5532bddfc8"),
        ("cat.jpg", "b15fe6465121175e"),
        ("coffee.webp", "bb8320376c0f3637"),
        ("deep-field.jpg", "84cc4b96ba4d333e"),
        ("photographer.png", "bff1c1c0434e8cbc"),
    ],
)
def test_the_hash_is_that_of_the_package_everybody_uses(file: str, expected: str) -> None:
    assert perceptual_hash(Image.open(SAMPLES / file)) == expected


def test_the_pipeline_s_small_form_changes_few_bits_of_it() -> None:
    source = (SAMPLES / "deep-field.jpg").read_bytes()
    assert _distance(facts(rendered(source)).perceptual_hash, "84cc4b96ba4d333e") <= 4


def test_a_poor_copy_of_half_the_size_stays_near() -> None:
    cat = Image.open(SAMPLES / "cat.jpg")
    copy = opened(encoded(cat.resize((225, 150)), "JPEG", quality=40))
    assert _distance(perceptual_hash(cat), perceptual_hash(copy)) <= 6


def test_another_picture_is_far() -> None:
    cat, coffee = (Image.open(SAMPLES / name) for name in ("cat.jpg", "coffee.webp"))
    assert _distance(perceptual_hash(cat), perceptual_hash(coffee)) >= 20


def test_what_is_see_through_counts_as_white() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert perceptual_hash(clear) == perceptual_hash(Image.new("RGB", (40, 40), "white"))
