"""Renditions of a preset, each made from the next larger one."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from PIL.Image import Image

from domain.values import Sha256
from streams.rendering.formats.encoding import Animation, encode, encode_animation
from streams.rendering.framing import frame, scale
from streams.rendering.presets import Preset, RenditionSpec
from streams.rendering.render_result import RenditionBytes
from streams.rendering.steps.shrink import Size, scaled, shrink_to
from streams.rendering.steps.step import Step
from streams.rendering.steps.watermark import stamp


def cascade(preset: Preset, whole: Size, picture: Image) -> dict[Size, Image]:
    """Shrink from size to smaller size: each costs a fraction of shrinking from the original."""
    sizes = {_before_framing(spec, whole) for spec in preset.renditions}
    found = {}
    for size in sorted(sizes, reverse=True):
        picture = shrink_to(size)(picture)
        found[size] = picture
    return found


def renditions(
    preset: Preset,
    whole: Size,
    stills: Mapping[Size, Image],
    animation: Animation | None,
    notice: str | None,
) -> tuple[RenditionBytes, ...]:
    """Encode in the preset's order; a small source gives several names the same bytes.

    What moves keeps moving as WebP; as JPEG the still stands for it.
    """
    animations = _animations(preset, whole, animation) if animation else {}
    encoded: dict[tuple[Size, RenditionSpec], bytes] = {}

    def rendition(spec: RenditionSpec) -> RenditionBytes:
        size = _before_framing(spec, whole)
        finished = _finishing(preset, spec, stills[size])
        picture = finished(stills[size])
        key = size, replace(spec, name="", width=picture.width, height=picture.height)
        if key in encoded:
            data = encoded[key]
        elif animations and spec.media_type == "image/webp":
            moving = replace(animations[size], pictures=[*map(finished, animations[size].pictures)])
            data = encoded[key] = encode_animation(moving, spec.quality, notice)
        else:
            data = encoded[key] = encode(picture, spec.media_type, spec.quality, notice)
        return RenditionBytes(
            name=spec.name,
            media_type=spec.media_type,
            width=picture.width,
            height=picture.height,
            sha256=Sha256(hashlib.sha256(data).hexdigest()),
            data=data,
        )

    return tuple(rendition(spec) for spec in preset.renditions)


def _animations(preset: Preset, whole: Size, animation: Animation) -> dict[Size, Animation]:
    cascades = [cascade(preset, whole, picture) for picture in animation.pictures]
    return {
        size: replace(animation, pictures=[one[size] for one in cascades]) for size in cascades[0]
    }


def _finishing(preset: Preset, spec: RenditionSpec, still: Image) -> Step:
    framed = frame(spec, still)
    if not (preset.watermark and spec.is_marked):
        return framed
    marked = stamp(preset.watermark, framed(still).size)
    return lambda picture: marked(framed(picture))


def _before_framing(spec: RenditionSpec, whole: Size) -> Size:
    return scaled(whole, scale(spec, whole))
