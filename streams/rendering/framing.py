"""Framing: scales, then crops or pads, to meet a rendition's size, fit and gravity."""

import math

from PIL import Image

from domain.transformations import MIDDLE
from streams.rendering.analysis.attention import attention_crop
from streams.rendering.presets import Preset, RenditionSpec
from streams.rendering.steps.shrink import Size, scaled
from streams.rendering.steps.step import Step

_CLEAR = (0, 0, 0, 0)


def scale(spec: RenditionSpec, size: Size) -> float:
    """Say by what a whole picture of that size is to be multiplied before it is framed."""
    across, down = spec.width / size[0], spec.height / size[1]
    return min(1.0, max(across, down) if spec.fit == "cover" else min(across, down))


def largest_scale(preset: Preset, size: Size) -> float:
    """Say by what a picture may be multiplied before any rendition is made of it."""
    return max(scale(spec, size) for spec in preset.renditions)


def framed_size(spec: RenditionSpec, whole: Size) -> Size:
    """Say how large a rendition of a picture of that size becomes."""
    size = scaled(whole, scale(spec, whole))
    return size if spec.fit == "inside" else _framed(spec, size)


def frame(spec: RenditionSpec, example: Image.Image) -> Step:
    """Make the step that frames pictures which were scaled like the example.

    All frames of an animation are cut in the same place: where its first one says.
    """
    if spec.fit == "inside":
        return _unchanged
    size = _framed(spec, example.size)
    if size == example.size:
        return _unchanged
    if spec.fit == "contain":
        return lambda picture: _with_bars(picture, size)
    left, top = _corner(spec, example, size)
    return lambda picture: picture.crop((left, top, left + size[0], top + size[1]))


def _unchanged(picture: Image.Image) -> Image.Image:
    return picture


def _framed(spec: RenditionSpec, size: Size) -> Size:
    """Give the asked size, or the same shape as large as the picture allows it to be."""
    ratios = size[0] / spec.width, size[1] / spec.height
    share = min(1.0, min(ratios) if spec.fit == "cover" else max(ratios))
    width, height = max(1, round(spec.width * share)), max(1, round(spec.height * share))
    if spec.fit == "cover":
        return min(width, size[0]), min(height, size[1])
    return max(width, size[0]), max(height, size[1])


def _corner(spec: RenditionSpec, picture: Image.Image, size: Size) -> Size:
    if spec.gravity == "attention":
        return attention_crop(picture, size)
    kept = MIDDLE if spec.gravity == "centre" else spec.gravity
    return _start(kept.x, picture.width, size[0]), _start(kept.y, picture.height, size[1])


def _start(share: float, length: int, kept: int) -> int:
    """Begin so that the point lies in the middle of what is kept, or as near as the edge allows."""
    return min(max(0, math.floor(share * length - kept / 2)), length - kept)


def _with_bars(picture: Image.Image, size: Size) -> Image.Image:
    """Lay a picture in the middle of a white page, or of a clear one if it has alpha itself."""
    page = Image.new(picture.mode, size, _CLEAR if picture.mode == "RGBA" else "white")
    page.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return page
