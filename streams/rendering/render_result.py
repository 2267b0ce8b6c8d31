"""The result of rendering one picture."""

from dataclasses import dataclass

from domain.values import Facts, Sha256
from streams.rendering.presets import RenditionMediaType


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSource:
    """The source as it was handed over; width and height are those of the upright picture."""

    sha256: Sha256
    size_bytes: int
    media_type: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionBytes:
    """One encoded rendition: sRGB, upright, without any metadata."""

    name: str
    media_type: RenditionMediaType
    width: int
    height: int
    sha256: Sha256
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    """All that a preset asks to know and make of one picture; renditions in the preset's order."""

    original: MeasuredSource
    facts: Facts | None
    renditions: tuple[RenditionBytes, ...]
