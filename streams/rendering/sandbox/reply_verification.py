"""Verification of a decoder's reply against the request and the source."""

import hashlib
from datetime import UTC

from domain.values import Facts, Sha256
from streams.rendering.formats.encoded_picture import encoded_picture
from streams.rendering.formats.sniffing import media_types
from streams.rendering.framing import framed_size
from streams.rendering.presets import Preset, RenditionSpec
from streams.rendering.render_failure import RenderFailed
from streams.rendering.render_limits import RenderLimits
from streams.rendering.render_result import MeasuredSource, RenderResult, RenditionBytes
from streams.rendering.sandbox.protocol import (
    FactsClaim,
    OriginalClaim,
    RenderedClaim,
    RenditionClaim,
    ReplyClaim,
    ReportedFailure,
)
from streams.rendering.steps.shrink import Size

_ROUNDING_PIXELS = 1
_DETAIL_LENGTH = 300


class ForgedReply(Exception):
    """A decoder answered what it was not asked, or what is not so: a picture captured it."""


def verify_reply(
    claim: ReplyClaim, source: bytes, preset: Preset, limits: RenderLimits
) -> RenderResult:
    """Return what a decoder made, once every word of it that can be checked was checked.

    What is counted, hashed or named here is our own: digests, sizes, names and media types. What
    only a decoder can know (pixels, colours, hashes of them, how large the picture is) is bounded
    by the order, and each rendition is one whole picture of the stated size with nothing beside its
    pixels. Raises RenderFailed when the decoder refused the picture, ForgedReply otherwise.
    """
    if claim.failure and not claim.rendered:
        raise RenderFailed(claim.failure.code, _printable(claim.failure.detail))
    if claim.failure or not claim.rendered:
        raise ForgedReply("it says that the picture was rendered and that it was not, or neither")
    made = claim.rendered
    return RenderResult(
        original=_original(made.original, source, limits),
        facts=_facts(made.facts, preset),
        renditions=_renditions(made, preset),
    )


def crash_failure(failure: ReportedFailure | None = None) -> RenderFailed:
    """Make the failure of a job whose decoder ended otherwise than by answering."""
    if failure:
        return RenderFailed(failure.code, failure.detail)
    return RenderFailed("decoder_crashed", "the decoder ended without an answer")


def _original(claim: OriginalClaim, source: bytes, limits: RenderLimits) -> MeasuredSource:
    digest = hashlib.sha256(source).hexdigest()
    _check(claim.sha256 == digest, "another SHA-256 than its source has")
    _check(claim.size_bytes == len(source), "another size than its source has")
    _check(len(source) <= limits.max_source_bytes, "a source that is too large")
    _check(claim.media_type in media_types(source), f"{claim.media_type!r} for what is none")
    _check(claim.width * claim.height <= limits.max_pixels, "more pixels than are allowed")
    _check(claim.frames <= limits.max_frames, "more frames than are allowed")
    return MeasuredSource(
        sha256=Sha256(digest),
        size_bytes=len(source),
        media_type=claim.media_type,
        width=claim.width,
        height=claim.height,
        frames=claim.frames,
    )


def _facts(claim: FactsClaim | None, preset: Preset) -> Facts | None:
    _check((claim is not None) == preset.has_facts, "facts that were not asked for, or none")
    if claim is None:
        return None
    _check(claim.camera is None or claim.camera.isprintable(), "a camera that cannot be printed")
    try:
        captured_at = claim.captured_at and claim.captured_at.astimezone(UTC)
    except OverflowError as error:
        raise ForgedReply("a moment outside of the calendar") from error
    return Facts(
        exif=dict(claim.exif.items()),
        captured_at=captured_at,
        camera=claim.camera,
        dominant_colours=claim.dominant_colours,
        thumbhash=claim.thumbhash,
        perceptual_hash=claim.perceptual_hash,
    )


def _renditions(made: RenderedClaim, preset: Preset) -> tuple[RenditionBytes, ...]:
    _check(len(made.renditions) == len(preset.renditions), "more renditions than asked, or less")
    whole = made.original.width, made.original.height
    return tuple(
        _rendition(claim, spec, whole, may_have_exif=preset.keep_copyright)
        for claim, spec in zip(made.renditions, preset.renditions, strict=True)
    )


def _rendition(
    claim: RenditionClaim, spec: RenditionSpec, whole: Size, *, may_have_exif: bool
) -> RenditionBytes:
    _check(claim.name == spec.name, f"a rendition {claim.name!r} for {spec.name!r}")
    _check(claim.media_type == spec.media_type, f"{claim.media_type} for {spec.media_type}")
    wanted = framed_size(spec, whole)
    differences = (abs(claim.width - wanted[0]), abs(claim.height - wanted[1]))
    _check(max(differences) <= _ROUNDING_PIXELS, f"{spec.name} in another size than was asked")
    try:
        picture = encoded_picture(claim.data)
    except ValueError as error:
        raise ForgedReply(f"{spec.name} is no picture: {error}") from error
    _check(picture.media_type == spec.media_type, f"{spec.name} in another format than it says")
    size = claim.width, claim.height
    _check((picture.width, picture.height) == size, f"{spec.name} in another size than it says")
    _check(may_have_exif or not picture.has_exif, f"{spec.name} with metadata")
    digest = hashlib.sha256(claim.data).hexdigest()
    _check(claim.sha256 == digest, f"another SHA-256 than {spec.name} has")
    return RenditionBytes(
        name=spec.name,
        media_type=spec.media_type,
        width=claim.width,
        height=claim.height,
        sha256=Sha256(digest),
        data=claim.data,
    )


def _check(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - a claim reads best first
    if not holds:
        raise ForgedReply(otherwise)


def _printable(text: str) -> str:
    return "".join(filter(str.isprintable, text))[:_DETAIL_LENGTH]
