"""Step: make a picture fit in a square, never enlarge it."""

from PIL.Image import Image, Resampling

from streams.rendering.steps import Step


def shrink(box_pixels: int) -> Step:
    """Make the step that fits pictures in a square of that many pixels."""

    def step(image: Image) -> Image:
        scale = box_pixels / max(image.size)
        if scale >= 1:
            return image
        width, height = (max(1, round(side * scale)) for side in image.size)
        # Far reductions average whole blocks first: 3 is where no eye sees a difference.
        return image.resize((width, height), Resampling.LANCZOS, reducing_gap=3.0)

    return step
