"""Step watermark: lays the deployment's watermark on a picture."""

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from PIL import Image

from streams.rendering.presets import Watermark, WatermarkPosition
from streams.rendering.steps.shrink import Size, scaled
from streams.rendering.steps.step import Step

_MAX_SIDE_PIXELS: Final = 2048
_MARGINS: Final = 40  # as many as the picture is wide
_PLACES: Final[Mapping[WatermarkPosition, tuple[float, float]]] = {
    "centre": (0.5, 0.5),
    "north-west": (0, 0),
    "north-east": (1, 0),
    "south-west": (0, 1),
    "south-east": (1, 1),
}


def check_watermark(picture: bytes) -> None:
    """Raise ValueError unless these bytes are a PNG of at most 2048 pixels a side."""
    try:
        size = _opened(picture).size
    except Exception as error:
        raise ValueError(f"cannot be read as PNG: {error}") from error
    if max(size) > _MAX_SIDE_PIXELS:
        raise ValueError(f"has more than {_MAX_SIDE_PIXELS} pixels a side")


def stamp(watermark: Watermark, page: Size) -> Step:
    """Make the step that marks pictures of that size; the picture that it is given stays.

    The mark is never enlarged, and never reaches over the edge.
    """
    mark = _opened(watermark.picture)
    share = watermark.width_share * page[0] / mark.width
    mark = mark.resize(
        scaled(mark.size, min(1.0, share, page[1] / mark.height)), Image.Resampling.LANCZOS
    )
    mark.putalpha(mark.getchannel("A").point([round(n * watermark.opacity) for n in range(256)]))
    corner = _corner(watermark.position, mark.size, page)

    def step(picture: Image.Image) -> Image.Image:
        marked = picture.copy()
        if marked.mode == "RGBA":
            marked.alpha_composite(mark, corner)
        else:
            marked.paste(mark, corner, mark)
        return marked

    return step


def _corner(position: WatermarkPosition, mark: Size, page: Size) -> Size:
    across, down = _PLACES[position]
    margin = page[0] // _MARGINS
    return _start(across, page[0] - mark[0], margin), _start(down, page[1] - mark[1], margin)


def _start(share: float, room: int, margin: int) -> int:
    kept = min(margin, room // 2)
    return kept + int((room - 2 * kept) * share)


@lru_cache(maxsize=1)  # all renditions of a preset bear the same
def _opened(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture), formats=("PNG",)).convert("RGBA")
