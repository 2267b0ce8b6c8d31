"""Decoding: source bytes to pixels, frame by frame, within limits; every failure typed."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.ExifTags import Base

from streams.rendering.formats.animation import AnimationReader, animation
from streams.rendering.formats.heic import HEIC_IS_INSTALLED, register_heic
from streams.rendering.formats.sniffing import is_accepted, is_heic, refused_format
from streams.rendering.formats.webp_alpha import with_alpha_flag
from streams.rendering.framing import largest_scale
from streams.rendering.presets import Preset
from streams.rendering.render_failure import RenderFailed
from streams.rendering.render_limits import RenderLimits
from streams.rendering.steps.shrink import Size, scaled

# What Pillow calls them. A phone's MPO is a JPEG with further pictures behind it, and its HEIC may
# hold several, of which one is the picture.
MEDIA_TYPES: Final = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
}
_NOT_OPENED: Final = {"MPO"} if HEIC_IS_INSTALLED else {"MPO", "HEIF"}  # an MPO opens as JPEG
_FORMATS: Final = tuple(name for name in MEDIA_TYPES if name not in _NOT_OPENED)
_SINGLE: Final = frozenset({"MPO", "HEIF"})
_TAKEN: Final = (
    f"JPEG, PNG, WebP, AVIF,{' HEIC,' if HEIC_IS_INSTALLED else ''} GIF, TIFF and BMP are"
)
_SVG_REFUSED: Final = "SVG is not accepted, for it can hold scripts and fetch other files"
_TURNED_ASIDE: Final = range(5, 9)  # the EXIF orientations that swap width and height


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPicture:
    """The first frame as it is stored, perhaps already reduced, and what lies beside the pixels.

    ``width`` and ``height`` are those of the whole picture once ``orientation`` (EXIF, 1-8) is
    applied. Going through ``animation`` changes what ``image`` shows.
    """

    image: Image.Image
    media_type: str
    width: int
    height: int
    frames: int
    animation: AnimationReader | None
    orientation: int
    icc_profile: bytes | None
    exif: Image.Exif

    @property
    def swaps_width_and_height(self) -> bool:
        """Whether upright means that width and height change places."""
        return self.orientation in _TURNED_ASIDE


def decode(source: bytes, limits: RenderLimits, preset: Preset) -> DecodedPicture:
    """Decode the first frame, in no more detail than the preset's renditions can show.

    Raises RenderFailed, and nothing else, for whatever the bytes may be.
    """
    if len(source) > limits.max_source_bytes:
        raise RenderFailed("too_large", f"more than {limits.max_source_bytes} bytes")
    if name := refused_format(source):
        refusal = _SVG_REFUSED if name == "SVG" else f"{name} is not accepted"
        raise RenderFailed("unsupported_format", f"{refusal}; {_TAKEN}")
    if is_heic(source) and not HEIC_IS_INSTALLED:
        raise RenderFailed("unsupported_format", f"HEIC is not accepted here; {_TAKEN}")
    with typed_failures(source, limits):
        return _decode(source, limits, preset)


@contextmanager
def typed_failures(source: bytes, limits: RenderLimits) -> Iterator[None]:
    """Whatever a decoder raises inside, it comes out as RenderFailed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what it can live with
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Pillow's own guard, for only its readers know what they allocate, and when.
            Image.MAX_IMAGE_PIXELS = limits.max_pixels
            yield
    except RenderFailed:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise RenderFailed("too_many_pixels", f"more than {limits.max_pixels} pixels") from error
    except UnidentifiedImageError as error:
        if is_accepted(source):
            raise RenderFailed("corrupt_image", "the header cannot be read") from error
        raise RenderFailed("not_an_image", f"not a picture; {_TAKEN} accepted") from error
    except Exception as error:  # decoders raise ValueError, SyntaxError, TypeError, MemoryError …
        raise RenderFailed("corrupt_image", _sentence(error)) from error


def _decode(source: bytes, limits: RenderLimits, preset: Preset) -> DecodedPicture:
    register_heic()
    image, frames = _opened(with_alpha_flag(source))
    width, height = image.size
    if frames > limits.max_frames:
        raise RenderFailed("too_many_frames", f"more than {limits.max_frames} frames")
    moving = animation(image, frames)
    if moving and width * height * frames > limits.max_moving_pixels:
        raise RenderFailed(
            "too_many_frames", f"more than {limits.max_moving_pixels} pixels in all frames together"
        )
    # A JPEG can be decoded at 1/2, 1/4, 1/8; this picks the least that still shows enough.
    image.draft(None, scaled((width, height), largest_scale(preset, _upright_size(image))))
    image.load()
    exif = _exif(image)
    orientation = exif.get(Base.Orientation, 1)  # after load(): TIFF pixels come turned already
    if orientation in _TURNED_ASIDE:
        width, height = height, width
    return DecodedPicture(
        image=image,
        media_type=MEDIA_TYPES[image.format or ""],
        width=width,
        height=height,
        frames=frames,
        animation=moving,
        orientation=orientation,
        icc_profile=image.info.get("icc_profile"),
        exif=exif,
    )


def _opened(source: bytes) -> tuple[ImageFile.ImageFile, int]:
    """Open a picture and count its frames."""
    image = Image.open(io.BytesIO(source), formats=_FORMATS)
    if image.format in _SINGLE:
        return image, 1
    try:
        return image, getattr(image, "n_frames", 1)
    except TypeError:
        if image.format != "TIFF":
            raise
    # What follows the first page is none, mostly a camera's preview; and the reader is lost there.
    return Image.open(io.BytesIO(source), formats=_FORMATS), 1


def _upright_size(image: Image.Image) -> Size:
    """Say how large it is upright; before load(), which is too early for a TIFF."""
    lies = _exif(image).get(Base.Orientation) in _TURNED_ASIDE
    return image.size[::-1] if lies else image.size


def _exif(image: Image.Image) -> Image.Exif:
    """Read the EXIF block; a broken one counts as none, for the pixels may be whole."""
    try:
        return image.getexif()
    except Exception:  # noqa: BLE001 - the parser raises whatever its struct calls raise
        return Image.Exif()


def _sentence(error: Exception) -> str:
    """Say what the decoder said, printable and short."""
    said = "".join(letter for letter in str(error) if letter.isprintable())[:200]
    return f"cannot be decoded: {said or type(error).__name__}"
