"""Which renditions are made of every picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

PIPELINE_VERSION: Final = 1
"""Raised whenever the same bytes and preset would give other renditions or facts."""

RenditionMediaType = Literal["image/webp", "image/jpeg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionSpec:
    """One rendition: it fits in a square of ``box_pixels`` and is never enlarged."""

    name: str
    box_pixels: int
    media_type: RenditionMediaType
    quality: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named set of renditions; name and media type together are unique in it."""

    name: str
    renditions: tuple[RenditionSpec, ...]

    @property
    def largest_box_pixels(self) -> int:
        """The square that every rendition fits in."""
        return max(spec.box_pixels for spec in self.renditions)


DEFAULT: Final = Preset(
    name="default",
    renditions=(
        RenditionSpec(name="large", box_pixels=2048, media_type="image/webp", quality=80),
        RenditionSpec(name="medium", box_pixels=1024, media_type="image/webp", quality=80),
        RenditionSpec(name="medium", box_pixels=1024, media_type="image/jpeg", quality=82),
        RenditionSpec(name="thumb", box_pixels=256, media_type="image/webp", quality=78),
    ),
)

PRESETS: Final[Mapping[str, Preset]] = {preset.name: preset for preset in (DEFAULT,)}
