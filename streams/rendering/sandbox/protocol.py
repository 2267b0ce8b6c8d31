"""The protocol between the sandbox, its spawners and their confined children."""

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from domain.failures import FailureCode
from streams.rendering.presets import Preset, RenditionMediaType
from streams.rendering.render_limits import RenderLimits
from streams.rendering.render_result import RenderResult

LENGTH: Final = struct.Struct(">I")
"""Every frame begins with the number of bytes that follow."""

READY: Final = b"ready"
"""The first frame of a spawner: it has imported everything and takes jobs."""

ExifName = Literal["exposure_seconds", "f_number", "iso", "focal_length_mm"]
"""What ``exif.shown_exif`` may give."""

_Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Positive = Annotated[int, Meta(ge=1)]
_Number = Annotated[str, Meta(pattern=r"\A[0-9e.+/-]{1,32}\Z")]
_Colour = Annotated[str, Meta(pattern=r"\A#[0-9a-f]{6}\Z")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRequest:
    """What is to be made of the source, whose open file comes beside it."""

    preset: Preset
    limits: RenderLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFailure:
    """Why nothing was made."""

    code: FailureCode
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxReply:
    """The outcome of one job: exactly one of the two is set."""

    rendered: RenderResult | None = None
    failure: ReportedFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How the child of one job ended; without a failure its reply is worth reading."""

    failure: ReportedFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureClaim:
    """What a child may say of a picture that it could not render."""

    code: Literal[
        "too_large",
        "not_an_image",
        "unsupported_format",
        "too_many_pixels",
        "too_many_frames",
        "corrupt_image",
    ]
    detail: Annotated[str, Meta(max_length=1_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalClaim:
    """What a child says of its source."""

    sha256: _Digest
    size_bytes: _Positive
    media_type: str
    width: _Positive
    height: _Positive
    frames: _Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsClaim:
    """What a child says of the pixels and the EXIF block."""

    exif: Annotated[dict[ExifName, _Number], Meta(max_length=4)]
    captured_at: Annotated[datetime, Meta(tz=True)] | None
    camera: Annotated[str, Meta(min_length=1, max_length=201)] | None
    dominant_colours: Annotated[tuple[_Colour, ...], Meta(min_length=1, max_length=5)]
    thumbhash: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9+/]{4,64}={0,2}\Z")]
    perceptual_hash: Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionClaim:
    """What a child says it made."""

    name: str
    media_type: RenditionMediaType
    width: _Positive
    height: _Positive
    sha256: _Digest
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedClaim:
    """All that a child says about one picture."""

    original: OriginalClaim
    facts: FactsClaim | None
    renditions: Annotated[tuple[RenditionClaim, ...], Meta(max_length=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyClaim:
    """A Reply as the service reads it: the words of a process that a picture may have captured.

    Nothing is taken for granted but that it can be held in memory: every list is bounded.
    """

    rendered: RenderedClaim | None = None
    failure: FailureClaim | None = None


def encode(message: SandboxRequest | SandboxReply | Verdict) -> bytes:
    """Write a message as MessagePack."""
    return msgspec.msgpack.encode(message)


def decode_request(frame: bytes) -> SandboxRequest:
    """Read an order."""
    return msgspec.msgpack.decode(frame, type=SandboxRequest)


def decode_verdict(frame: bytes) -> Verdict:
    """Read what a spawner says of a child; raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(frame, type=Verdict)


def decode_reply(frame: bytes) -> ReplyClaim:
    """Read a child's reply; raises msgspec.DecodeError for what no child of ours writes."""
    return msgspec.msgpack.decode(frame, type=ReplyClaim)
