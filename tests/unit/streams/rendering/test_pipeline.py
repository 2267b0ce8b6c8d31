"""What comes out of the whole pipeline."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streams.rendering import RenditionBytes
from streams.rendering.pipeline import render
from tests.support.pictures import (
    CANARY,
    DEFAULT,
    LIMITS,
    encoded,
    facts,
    linear_profile,
    opened,
    pixels,
    rendered,
    rendition,
    telltale_exif,
    wheel,
)

SAMPLES = Path(__file__).parents[4] / "samples"


def test_a_large_picture_gets_every_rendition_in_the_preset_s_order() -> None:
    result = rendered(encoded(wheel(3000, 1500), "JPEG"))
    assert [(r.name, r.media_type, r.width, r.height) for r in result.renditions] == [
        ("large", "image/webp", 2048, 1024),
        ("medium", "image/webp", 1024, 512),
        ("medium", "image/jpeg", 1024, 512),
        ("thumb", "image/webp", 256, 128),
    ]


def test_what_is_said_of_a_rendition_is_true_of_its_bytes() -> None:
    for made in rendered(encoded(wheel(), "PNG")).renditions:
        picture = opened(made.data)
        assert Image.MIME[picture.format or ""] == made.media_type
        assert picture.size == (made.width, made.height)
        assert hashlib.sha256(made.data).hexdigest() == made.sha256


def test_the_original_is_measured_as_it_came() -> None:
    source = encoded(wheel(96, 64), "JPEG", exif=telltale_exif(orientation=8))
    original = rendered(source).original
    assert original.sha256 == hashlib.sha256(source).hexdigest()
    assert (original.size_bytes, original.media_type) == (len(source), "image/jpeg")
    assert (original.width, original.height, original.frames) == (64, 96, 1)


def test_a_small_picture_is_never_enlarged_and_its_names_share_their_bytes() -> None:
    result = rendered(encoded(wheel(40, 30), "PNG"))
    assert {(r.width, r.height) for r in result.renditions} == {(40, 30)}
    assert rendition(result, "large").data == rendition(result, "medium").data


def test_alpha_survives_in_webp_and_is_white_in_jpeg() -> None:
    result = rendered(encoded(Image.new("RGBA", (50, 50), (255, 0, 0, 0)), "PNG"))
    assert opened(rendition(result, "large").data).getchannel("A").getextrema() == (0, 0)
    assert (pixels(opened(rendition(result, "medium", "image/jpeg").data)) >= 254).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixel_shows_the_same_grey(mode: str) -> None:
    grey = Image.new("L", (32, 32), 255 if mode == "1" else 160)
    if mode == "I;16":
        picture = Image.fromarray(np.full((32, 32), 160 << 8, np.uint16))
    else:
        picture = grey.convert("RGB").convert(mode) if mode == "CMYK" else grey.convert(mode)
    result = rendered(encoded(picture, "TIFF"))
    shown = pixels(opened(rendition(result, "medium", "image/jpeg").data))
    assert np.abs(shown - pixels(grey)).max() <= 2


def test_colours_of_another_profile_are_converted() -> None:
    source = encoded(Image.new("RGB", (32, 32), (64, 64, 64)), "PNG", icc_profile=linear_profile())
    shown = pixels(opened(rendition(rendered(source), "large").data))
    assert np.abs(shown - 137).max() <= 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_no_rendition_carries_anything_but_pixels(kind: str) -> None:
    options = {
        "exif": telltale_exif(),
        "icc_profile": linear_profile() + CANARY.encode(),
        "xmp": f"<x:xmpmeta>{CANARY}</x:xmpmeta>".encode(),
        "comment": CANARY.encode(),
    }
    source = encoded(wheel(), kind, **options) + CANARY.encode()
    assert CANARY.encode() in source
    result = rendered(source)
    for made in result.renditions:
        assert_bare(made)
    assert CANARY not in repr(result.facts)


def test_the_sample_with_a_gps_position_loses_it_and_stands_upright() -> None:
    result = rendered((SAMPLES / "raccoon.jpg").read_bytes())
    assert (result.original.width, result.original.height) == (1024, 768)
    for made in result.renditions:
        assert_bare(made)


def test_the_safe_facts_of_a_photograph_are_told() -> None:
    found = facts(rendered((SAMPLES / "coast.jpg").read_bytes()))
    assert found.camera == "NIKON D7100"
    assert found.exif["exposure_seconds"] == "1/500"


def test_a_preset_that_asks_for_no_facts_gets_the_same_renditions() -> None:
    source = encoded(wheel(), "PNG")
    found = render(source, replace(DEFAULT, has_facts=False), LIMITS)
    assert found == replace(rendered(source), facts=None)


def test_rendering_twice_gives_the_same() -> None:
    source = (SAMPLES / "tulips.png").read_bytes()
    assert rendered(source) == rendered(source)


def assert_bare(made: RenditionBytes) -> None:
    """See that a file holds pixels only, and has no chunk where anything else could be."""
    assert CANARY.encode() not in made.data
    picture = opened(made.data)
    assert not picture.getexif()
    assert not {"icc_profile", "exif", "xmp", "comment"} & set(picture.info)
    if made.media_type == "image/webp":
        assert {made.data[12:16]} <= {b"VP8 ", b"VP8L"} or b"ALPH" in made.data[:40]
    else:
        assert b"Exif" not in made.data
        assert b"ICC_PROFILE" not in made.data
