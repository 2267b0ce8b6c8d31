"""The image pipeline: one decode, a list of steps, and everything made of what they give."""

import hashlib
from collections.abc import Sequence

from domain.values import Sha256
from streams.rendering.analysis.exif import copyright_notice
from streams.rendering.analysis.facts import facts
from streams.rendering.formats.decoding import DecodedPicture, decode, typed_failures
from streams.rendering.formats.encoding import Animation
from streams.rendering.framing import largest_scale
from streams.rendering.presets import Preset
from streams.rendering.render_limits import RenderLimits
from streams.rendering.render_result import MeasuredSource, RenderResult
from streams.rendering.renditions import cascade, renditions
from streams.rendering.steps.orient import orient
from streams.rendering.steps.shrink import Size, scaled, shrink_to
from streams.rendering.steps.step import Step, apply_steps
from streams.rendering.steps.strip_metadata import strip_metadata
from streams.rendering.steps.to_srgb import to_srgb
from streams.rendering.steps.unpack import unpack


def steps(decoded: DecodedPicture, size: Size) -> tuple[Step, ...]:
    """List what makes any decoded image a plain sRGB picture, upright, of at most that size."""
    stored = size[::-1] if decoded.swaps_width_and_height else size
    return (
        unpack,
        shrink_to(stored),  # before all that touches every pixel: few are left
        orient(decoded.orientation),
        to_srgb(decoded.icc_profile),
        strip_metadata,  # last: nothing that lay beside the pixels passes this line
    )


def render(source: bytes, preset: Preset, limits: RenderLimits) -> RenderResult:
    """Make the facts and all renditions of a picture; its facts are those of the first frame.

    Pure, and dangerous: a decoder works on a stranger's bytes here. Services call it through
    Sandbox. Raises RenderFailed.
    """
    decoded = decode(source, limits, preset)
    whole = decoded.width, decoded.height
    upright = steps(decoded, scaled(whole, largest_scale(preset, whole)))
    still = apply_steps(decoded.image, upright)
    with typed_failures(source, limits):
        animation = _animation(decoded, upright)
    stills = cascade(preset, whole, still)
    return RenderResult(
        original=MeasuredSource(
            sha256=Sha256(hashlib.sha256(source).hexdigest()),
            size_bytes=len(source),
            media_type=decoded.media_type,
            width=decoded.width,
            height=decoded.height,
            frames=decoded.frames,
        ),
        facts=facts(stills[min(stills)], decoded.exif) if preset.has_facts else None,
        renditions=renditions(
            preset,
            whole,
            stills,
            animation,
            copyright_notice(decoded.exif) if preset.keep_copyright else None,
        ),
    )


def _animation(decoded: DecodedPicture, upright: Sequence[Step]) -> Animation | None:
    if decoded.animation is None:
        return None
    frames = [
        (apply_steps(image, upright), stands_ms) for image, stands_ms in decoded.animation.frames()
    ]
    return Animation(
        pictures=[picture for picture, _ in frames],
        durations_ms=[stands_ms for _, stands_ms in frames],
        plays=decoded.animation.plays,
    )
