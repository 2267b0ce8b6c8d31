"""Step unpack: converts any pixel layout to 8 bits a channel, as L, RGB, RGBA or CMYK."""

from typing import Final

import numpy as np
from PIL import Image, ImageCms

_AS_IT_IS: Final = frozenset({"L", "RGB", "CMYK"})
_DEEP: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I", "F"})
_OPAQUE: Final = (255, 255)


def unpack(image: Image.Image) -> Image.Image:
    """Resolve palettes, deep samples and odd colour spaces; keep alpha only where it shows."""
    if image.mode in _DEEP:
        return _to_8_bits(image)
    if image.mode == "La":  # premultiplied, as TIFF has it; Pillow leads from there to LA only
        image = image.convert("LA")
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        opaque = picture.getchannel("A").getextrema() == _OPAQUE
        return picture.convert("RGB") if opaque else picture
    if image.mode in _AS_IT_IS:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "LAB":  # Pillow converts it by profile only
        to_srgb = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        return to_srgb.apply(image)
    return image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale deep grey samples; which range integers and floats use, their maximum tells."""
    samples = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((samples >> 8).astype(np.uint8))
    samples = np.nan_to_num(samples.astype(np.float32), posinf=0.0, neginf=0.0)
    top = float(samples.max(initial=0.0))
    if image.mode == "F" and top <= 1:
        white = 1.0
    elif top <= np.iinfo(np.uint8).max:
        white = 255.0
    else:
        white = max(65535.0, top)
    return Image.fromarray((samples.clip(0, white) * (255 / white)).astype(np.uint8))
