"""Presets: which renditions are made of every picture."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from domain.transformations import Fit, Gravity
from domain.values import FocalPoint, Sha256
from read_models.renditions.watermark import watermark_name

PIPELINE_VERSION: Final = 3
"""Raised whenever the same bytes and preset would give other renditions or facts."""

RenditionMediaType = Literal["image/webp", "image/jpeg"]
WatermarkPosition = Literal["centre", "north-west", "north-east", "south-west", "south-east"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionSpec:
    """One rendition: it fits in ``width`` by ``height``.

    A smaller picture is never enlarged: ``cover`` and ``contain`` then give that shape, smaller.
    """

    name: str
    width: int
    height: int
    media_type: RenditionMediaType
    quality: int
    fit: Fit = "inside"
    gravity: Gravity = "centre"
    is_marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """What lies on the marked renditions of a preset.

    ``picture`` is a PNG, shown as wide as ``width_share`` of the rendition's width or as it is
    itself, if that is less. Its own alpha is multiplied by ``opacity``. Shares are above 0, 1 at
    most.
    """

    picture: bytes
    position: WatermarkPosition
    opacity: float
    width_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named set of renditions; name and media type together are unique in it.

    The first one stands for the picture, ``thumb`` is what listings show. ``keep_copyright`` writes
    the copyright notice of the original's EXIF into every rendition, and nothing else of it.
    Without ``has_facts`` nothing is found out about the picture, which saves some of the time.
    Raises ValueError when a rendition is to be marked, and with what is not said.
    """

    name: str
    renditions: tuple[RenditionSpec, ...]
    keep_copyright: bool = False
    has_facts: bool = True
    watermark: Watermark | None = None

    def __post_init__(self) -> None:
        """Refuse to forget a mark."""
        if self.watermark is None and any(spec.is_marked for spec in self.renditions):
            raise ValueError(f"preset {self.name} marks renditions with nothing")

    @property
    def mark(self) -> Sha256 | None:
        """Name the picture that lies on its renditions; absent where none does."""
        return watermark_name(self.watermark.picture) if self.watermark else None

    def with_focal_point(self, point: FocalPoint | None) -> "Preset":
        """Cut around that point wherever no rendition names a point of its own.

        The same, unless there is a point and something is cut.
        """
        if point is None:
            return self
        specs = tuple(
            replace(spec, gravity=point)
            if spec.fit == "cover" and not isinstance(spec.gravity, FocalPoint)
            else spec
            for spec in self.renditions
        )
        return replace(self, renditions=specs)


LARGE: Final = RenditionSpec(
    name="large", width=2048, height=2048, media_type="image/webp", quality=80
)
MEDIUM: Final = RenditionSpec(
    name="medium", width=1024, height=1024, media_type="image/webp", quality=80
)
MEDIUM_JPEG: Final = replace(MEDIUM, media_type="image/jpeg", quality=82)
THUMB: Final = RenditionSpec(
    name="thumb", width=256, height=256, media_type="image/webp", quality=78
)
SQUARE: Final = RenditionSpec(
    name="square", width=800, height=800, media_type="image/webp", quality=80, fit="cover"
)

DEFAULT: Final = Preset(name="default", renditions=(LARGE, MEDIUM, MEDIUM_JPEG, THUMB))

PRODUCT: Final = Preset(  # grids of goods, and marketplaces that insist on a white square
    name="product",
    renditions=(
        *DEFAULT.renditions,
        SQUARE,
        replace(SQUARE, name="square-thumb", width=256, height=256, quality=78),
        replace(SQUARE, name="padded", media_type="image/jpeg", quality=85, fit="contain"),
    ),
)

PHOTO: Final = Preset(  # galleries: finer, signed, and with a card for links to it
    name="photo",
    renditions=(
        replace(LARGE, width=2560, height=2560, quality=88),
        MEDIUM,
        MEDIUM_JPEG,
        THUMB,
        RenditionSpec(
            name="card",
            width=1200,
            height=630,
            media_type="image/jpeg",
            quality=85,
            fit="cover",
            gravity="attention",
        ),
    ),
    keep_copyright=True,
)

PROOF_RENDITIONS: Final = (  # shown before it is paid for: what is large enough is marked
    *(replace(spec, is_marked=True) for spec in (LARGE, MEDIUM, MEDIUM_JPEG)),
    THUMB,
)


def presets(watermark: bytes) -> Mapping[str, Preset]:
    """Return all presets by name; ``watermark`` is the PNG that lies on what ``proof`` marks."""
    proof = Preset(
        name="proof",
        renditions=PROOF_RENDITIONS,
        keep_copyright=True,
        watermark=Watermark(picture=watermark, position="centre", opacity=0.4, width_share=0.6),
    )
    return {preset.name: preset for preset in (DEFAULT, PRODUCT, PHOTO, proof)}
