"""Step shrink: makes a picture smaller, never larger."""

from PIL.Image import Image, Resampling

from streams.rendering.steps.step import Step

Size = tuple[int, int]


def shrink(box_pixels: int) -> Step:
    """Make the step that fits pictures in a square of that many pixels."""

    def step(image: Image) -> Image:
        return shrink_to(scaled(image.size, min(1.0, box_pixels / max(image.size))))(image)

    return step


def shrink_to(size: Size) -> Step:
    """Make the step that gives larger pictures exactly this size."""

    def step(image: Image) -> Image:
        if image.width <= size[0] and image.height <= size[1]:
            return image
        # Far reductions average whole blocks first: 3 is where no eye sees a difference.
        return image.resize(size, Resampling.LANCZOS, reducing_gap=3.0)

    return step


def scaled(size: Size, scale: float) -> Size:
    """Multiply both sides; none becomes less than one pixel."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
