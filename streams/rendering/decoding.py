"""Source bytes → the first frame's pixels, within limits; every failure typed."""

import io
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.ExifTags import Base

from streams.rendering.failures import RenderFailed
from streams.rendering.limits import RenderLimits
from streams.rendering.sniffing import is_accepted, refused_format

# What Pillow calls them. A phone's MPO is a JPEG with further pictures behind it.
MEDIA_TYPES: Final = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
}
_FORMATS: Final = tuple(name for name in MEDIA_TYPES if name != "MPO")  # opened as JPEG
_TAKEN: Final = "JPEG, PNG, WebP, AVIF, GIF, TIFF and BMP are"
_TURNED_ASIDE: Final = range(5, 9)  # the EXIF orientations that swap width and height


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The first frame as it is stored, perhaps already reduced, and what lies beside the pixels.

    ``width`` and ``height`` are those of the whole picture once ``orientation`` (EXIF, 1-8) is
    applied.
    """

    image: Image.Image
    media_type: str
    width: int
    height: int
    frames: int
    orientation: int
    icc_profile: bytes | None
    exif: Image.Exif


def decode(source: bytes, limits: RenderLimits, *, box_pixels: int) -> Decoded:
    """Decode the first frame, in no more detail than a square of ``box_pixels`` can show.

    Raises RenderFailed, and nothing else, for whatever the bytes may be.
    """
    if len(source) > limits.max_source_bytes:
        raise RenderFailed("too_large", f"more than {limits.max_source_bytes} bytes")
    if name := refused_format(source):
        raise RenderFailed("unsupported_format", f"{name} is not accepted; {_TAKEN}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what it can live with
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Pillow's own guard, for only its readers know what they allocate, and when.
            Image.MAX_IMAGE_PIXELS = limits.max_pixels
            return _decode(source, limits, box_pixels)
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


def _decode(source: bytes, limits: RenderLimits, box_pixels: int) -> Decoded:
    image = Image.open(io.BytesIO(source), formats=_FORMATS)
    width, height = image.size
    frames = _frames(image)
    if frames > limits.max_frames:
        raise RenderFailed("too_many_frames", f"more than {limits.max_frames} frames")
    scale = min(1.0, box_pixels / max(width, height, 1))
    # A JPEG can be decoded at 1/2, 1/4, 1/8; this picks one that still covers the box.
    image.draft(None, (max(1, round(width * scale)), max(1, round(height * scale))))
    image.load()
    exif = _exif(image)
    orientation = exif.get(Base.Orientation, 1)  # after load(): TIFF pixels come turned already
    if orientation in _TURNED_ASIDE:
        width, height = height, width
    return Decoded(
        image=image,
        media_type=MEDIA_TYPES[image.format or ""],
        width=width,
        height=height,
        frames=frames,
        orientation=orientation,
        icc_profile=image.info.get("icc_profile"),
        exif=exif,
    )


def _frames(image: ImageFile.ImageFile) -> int:
    return 1 if image.format == "MPO" else getattr(image, "n_frames", 1)


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
