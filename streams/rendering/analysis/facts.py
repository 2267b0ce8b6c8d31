"""The facts of a picture."""

from typing import Final

from PIL.Image import Exif, Image

from domain.values import Facts
from streams.rendering.analysis.dominant_colours import dominant_colours
from streams.rendering.analysis.exif import camera, captured_at, shown_exif
from streams.rendering.analysis.perceptual_hash import perceptual_hash
from streams.rendering.analysis.thumbhash import thumbhash
from streams.rendering.steps.shrink import shrink

_BOX_PIXELS: Final = 256


def facts(picture: Image, exif: Exif) -> Facts:
    """Look at a small form of the upright sRGB picture, and at the safe part of its EXIF."""
    small = shrink(_BOX_PIXELS)(picture)
    return Facts(
        exif=shown_exif(exif),
        captured_at=captured_at(exif),
        camera=camera(exif),
        dominant_colours=dominant_colours(small),
        thumbhash=thumbhash(small),
        perceptual_hash=perceptual_hash(small),
    )
