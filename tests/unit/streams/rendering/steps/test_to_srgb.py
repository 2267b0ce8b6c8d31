import numpy as np
import pytest
from PIL import Image, ImageCms

from streams.rendering.steps.to_srgb import to_srgb
from tests.support.pictures import linear_profile, pixels, wheel

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _as_srgb(linear: float) -> float:
    """Apply sRGB's own tone curve, from its definition (IEC 61966-2-1)."""
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


@pytest.mark.parametrize(("mode", "space"), [("RGB", b"RGB "), ("L", b"GRAY"), ("L", b"RGB ")])
@pytest.mark.parametrize("level", [0, 32, 64, 128, 200, 255])
def test_a_linear_picture_gets_srgb_s_tone_curve(mode: str, space: bytes, level: int) -> None:
    picture = Image.new("RGB", (2, 2), (level, level, level)).convert(mode)
    found = pixels(to_srgb(linear_profile(space))(picture))
    assert np.abs(found - 255 * _as_srgb(level / 255)).max() <= 1.5


def test_alpha_passes_untouched() -> None:
    picture = Image.new("RGBA", (2, 2), (64, 64, 64, 77))
    red, _, _, alpha = to_srgb(linear_profile())(picture).getpixel((0, 0))  # type: ignore[misc]  # RGBA: a tuple
    assert (red, alpha) == (137, 77)


def test_a_picture_that_is_srgb_already_keeps_every_pixel() -> None:
    assert (pixels(to_srgb(SRGB)(wheel())) == pixels(wheel())).all()


@pytest.mark.parametrize(
    "profile",
    [None, b"", b"not a profile", SRGB[:200], linear_profile(b"GRAY"), b"\0" * 4000],
    ids=["none", "empty", "garbage", "cut", "of another colour space", "zeros"],
)
def test_a_profile_that_is_of_no_use_is_ignored(profile: bytes | None) -> None:
    assert (pixels(to_srgb(profile)(wheel())) == pixels(wheel())).all()


def test_cmyk_becomes_rgb_without_a_profile_and_with_a_misfit() -> None:
    ink = Image.new("CMYK", (2, 2), (0, 255, 255, 0))
    for profile in (None, SRGB):
        assert to_srgb(profile)(ink).getpixel((0, 0)) == (255, 0, 0)
