"""Pixels → the bytes of one rendition."""

import io
from typing import assert_never

from PIL.Image import Image

from streams.rendering.flatten import flatten
from streams.rendering.presets import RenditionMediaType


def encode(picture: Image, media_type: RenditionMediaType, quality: int) -> bytes:
    """Encode RGB or RGBA pixels; JPEG, which knows no alpha, shows them on white.

    The settings were measured on photographs of 0.2 to 2.4 megapixels. WebP method 2 takes 45 % of
    the time of the default 4, for files 3 % larger at equal quality. JPEG's optimised tables save
    3 % for 3 ms; progressive would save another 2 % for 7.
    """
    file = io.BytesIO()
    match media_type:
        case "image/webp":
            picture.save(file, "WEBP", quality=quality, method=2)
        case "image/jpeg":
            flatten(picture).save(file, "JPEG", quality=quality, optimize=True)
        case _:
            assert_never(media_type)
    return file.getvalue()
