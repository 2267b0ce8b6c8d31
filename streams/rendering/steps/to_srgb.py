"""Step to_srgb: converts colours of any profile to sRGB, as RGB or RGBA."""

import io
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageCms

from streams.rendering.steps.step import Step

_SPACE_OF_MODE: Final = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_UNSEEN: Final = 2  # levels of 255; a profile that changes less is sRGB under another name


def to_srgb(profile: bytes | None) -> Step:
    """Make the step that converts from an ICC profile; one that is broken or misfit is ignored."""

    def step(image: Image.Image) -> Image.Image:
        if image.mode == "RGBA":
            alpha = image.getchannel("A")
            picture = _converted(image.convert("RGB"), profile)
            picture.putalpha(alpha)
            return picture
        return _converted(image, profile)

    return step


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            return _by_profile(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # the pixels are worth more than their profile
    return image.convert("RGB")


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    if image.mode == "L" and _space(profile) == "RGB":
        image = image.convert("RGB")
    transform = _transform(profile, image.mode)
    return transform.apply(image) if transform else image.convert("RGB")


def _space(profile: bytes) -> str:
    return ImageCms.getOpenProfile(io.BytesIO(profile)).profile.xcolor_space.strip()


@lru_cache(maxsize=2)  # the frames of an animation share theirs
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build what converts to sRGB; None where it would change nothing, or does not fit."""
    if _SPACE_OF_MODE[mode] != _space(profile):
        return None
    transform = ImageCms.buildTransform(
        ImageCms.getOpenProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return None if _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Try 729 colours or 256 greys: far cheaper than sending every pixel through for nothing."""
    if mode == "CMYK":
        return False
    levels = np.linspace(0, 255, 9 if mode == "RGB" else 256).astype(np.uint8)
    probe = np.stack(np.meshgrid(levels, levels, levels), -1) if mode == "RGB" else levels
    before = Image.fromarray(probe.reshape(1, -1, *probe.shape[3:]))
    after = transform.apply(before)
    difference = np.asarray(before.convert("RGB"), np.int16) - np.asarray(after, np.int16)
    return bool(np.abs(difference).max() <= _UNSEEN)
