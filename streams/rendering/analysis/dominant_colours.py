"""Dominant colours of a picture."""

from typing import Final

import numpy as np
from PIL import Image

from streams.rendering.steps.shrink import shrink

_SAMPLE_BOX_PIXELS: Final = 48
_AT_MOST: Final = 5
_SEEN_FROM: Final = 128  # of 255 alpha
_WHITE: Final = "#ffffff"


def dominant_colours(picture: Image.Image) -> tuple[str, ...]:
    """List up to five colours as ``#rrggbb``, the most common first, of what can be seen.

    Never empty: a picture of which nothing is seen is as white as the page below it.
    """
    sample = np.asarray(shrink(_SAMPLE_BOX_PIXELS)(picture).convert("RGBA"))
    seen = sample[sample[..., 3] >= _SEEN_FROM][:, :3]
    if not seen.size:
        return (_WHITE,)
    reduced = Image.fromarray(np.ascontiguousarray(seen[np.newaxis])).quantize(
        _AT_MOST, Image.Quantize.MEDIANCUT, kmeans=1
    )
    palette = np.asarray(reduced.getpalette(), np.uint8).reshape(-1, 3)
    counts = np.bincount(np.asarray(reduced).ravel(), minlength=len(palette))
    order = np.argsort(-counts, kind="stable")
    colours = (f"#{palette[index].tobytes().hex()}" for index in order if counts[index])
    return tuple(dict.fromkeys(colours))
