"""A step takes a picture and returns a new one; a pipeline is a list of steps."""

from collections.abc import Callable, Iterable
from functools import reduce

from PIL.Image import Image

Step = Callable[[Image], Image]


def apply_steps(picture: Image, steps: Iterable[Step]) -> Image:
    """Send the picture through the steps, in order."""
    return reduce(lambda image, step: step(image), steps, picture)
