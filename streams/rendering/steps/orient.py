"""Step orient: turns a picture upright."""

from typing import Final

from PIL.Image import Image, Transpose

from streams.rendering.steps.step import Step

# What undoes each EXIF orientation; 1, and anything that is none, stays.
_UPRIGHT: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def orient(orientation: int) -> Step:
    """Make the step that undoes an EXIF orientation."""
    turn = _UPRIGHT.get(orientation)

    def step(image: Image) -> Image:
        return image if turn is None else image.transpose(turn)

    return step
