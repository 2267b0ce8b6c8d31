"""The image pipeline: one decode, a list of steps, every rendition from the one above it."""

import hashlib
from collections.abc import Iterator

from PIL.Image import Image

from domain.values import Sha256
from streams.rendering.bare import bare
from streams.rendering.decoding import Decoded, decode
from streams.rendering.encoding import encode
from streams.rendering.facts import facts
from streams.rendering.limits import RenderLimits
from streams.rendering.orient import orient
from streams.rendering.presets import Preset, RenditionMediaType, RenditionSpec
from streams.rendering.rendered import Measured, Rendered, RenditionBytes
from streams.rendering.shrink import shrink
from streams.rendering.steps import Step, run
from streams.rendering.to_srgb import to_srgb
from streams.rendering.unpack import unpack


def steps(decoded: Decoded, box_pixels: int) -> tuple[Step, ...]:
    """List what makes any decoded image a plain sRGB picture, upright, that fits in the box."""
    return (
        unpack,
        shrink(box_pixels),  # before all that touches every pixel: few are left
        orient(decoded.orientation),  # the box is square, so turning may wait until here
        to_srgb(decoded.icc_profile),
        bare,  # last: nothing that lay beside the pixels passes this line
    )


def render(source: bytes, preset: Preset, limits: RenderLimits) -> Rendered:
    """Make the facts and all renditions of a picture.

    Pure, and dangerous: a decoder works on a stranger's bytes here. Services call it through
    Sandbox. Raises RenderFailed.
    """
    box_pixels = preset.largest_box_pixels
    decoded = decode(source, limits, box_pixels=box_pixels)
    picture = run(decoded.image, steps(decoded, box_pixels))
    cascade = dict(_cascade(picture, preset))
    return Rendered(
        original=Measured(
            sha256=_sha256(source),
            size_bytes=len(source),
            media_type=decoded.media_type,
            width=decoded.width,
            height=decoded.height,
            frames=decoded.frames,
        ),
        facts=facts(cascade[min(cascade)], decoded.exif),
        renditions=_renditions(cascade, preset),
    )


def _cascade(picture: Image, preset: Preset) -> Iterator[tuple[int, Image]]:
    """Shrink from box to smaller box: each costs a fraction of shrinking from the original."""
    for box_pixels in sorted({spec.box_pixels for spec in preset.renditions}, reverse=True):
        picture = shrink(box_pixels)(picture)
        yield box_pixels, picture


def _renditions(cascade: dict[int, Image], preset: Preset) -> tuple[RenditionBytes, ...]:
    """Encode in the preset's order; a small source gives several names the same bytes."""
    encoded: dict[tuple[tuple[int, int], RenditionMediaType, int], bytes] = {}

    def rendition(spec: RenditionSpec) -> RenditionBytes:
        picture = cascade[spec.box_pixels]
        key = (picture.size, spec.media_type, spec.quality)
        if key not in encoded:
            encoded[key] = encode(picture, spec.media_type, spec.quality)
        data = encoded[key]
        return RenditionBytes(
            name=spec.name,
            media_type=spec.media_type,
            width=picture.width,
            height=picture.height,
            sha256=_sha256(data),
            data=data,
        )

    return tuple(rendition(spec) for spec in preset.renditions)


def _sha256(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())
