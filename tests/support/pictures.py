"""Small pictures and files that the rendering tests share."""

import io
import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from domain.values import Facts
from streams.rendering import RenderLimits
from streams.rendering.pipeline import render
from streams.rendering.render_result import RenderResult, RenditionBytes
from tests.support.presets import PRESETS

DEFAULT = PRESETS["default"]
LIMITS = RenderLimits()
CANARY = "canary-4711"

D50 = np.array([0.96420, 1.0, 0.82491])
SRGB_PRIMARIES = np.array(  # columns red, green, blue
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)


def wheel(width: int = 96, height: int = 64) -> Image.Image:
    """Make a picture in which every corner looks different."""
    across = np.linspace(0, 255, width, dtype=np.uint8)
    down = np.linspace(0, 255, height, dtype=np.uint8)
    red, green = np.meshgrid(across, down)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 90)], -1))


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own
    """Write a picture as a file of that kind."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def heic(picture: Image.Image, **options: Any) -> bytes:  # noqa: ANN401 - pillow-heif's own
    """Write a picture as phones do."""
    pillow_heif.register_heif_opener()
    return encoded(picture, "HEIF", **options)


def opened(data: bytes) -> Image.Image:
    """Read a file that we made."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def rendered(source: bytes) -> RenderResult:
    """Render with the defaults."""
    return render(source, DEFAULT, LIMITS)


def facts(result: RenderResult) -> Facts:
    """Give what was found out."""
    assert result.facts
    return result.facts


def rendition(result: RenderResult, name: str, media_type: str = "image/webp") -> RenditionBytes:
    """Find one rendition."""
    return next(r for r in result.renditions if (r.name, r.media_type) == (name, media_type))


def pixels(picture: Image.Image, mode: str = "RGB") -> np.ndarray[Any, np.dtype[np.int16]]:
    """Give a picture's pixels as numbers that can be subtracted."""
    return np.asarray(picture.convert(mode), np.int16)


def telltale_exif(orientation: int = 1) -> Image.Exif:
    """Make an EXIF block full of what must never be published."""
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    exif[Base.Artist] = CANARY
    exif[Base.Copyright] = CANARY
    photo = exif.get_ifd(IFD.Exif)
    photo[Base.BodySerialNumber] = CANARY
    photo[Base.CameraOwnerName] = CANARY
    photo[Base.UserComment] = CANARY.encode()
    place = exif.get_ifd(IFD.GPSInfo)
    place[GPS.GPSLatitudeRef] = "N"
    place[GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    return exif


def linear_profile(space: bytes = b"RGB ") -> bytes:
    """Build an ICC profile with sRGB's primaries (or grey) but a straight tone curve."""
    if space == b"RGB ":
        return profile(SRGB_PRIMARIES, 1.0)
    return profile_tags({b"wtpt": _xyz(D50), b"kTRC": _curve(1.0)}, space=space)


def profile(primaries: NDArray[np.float64], gamma: float) -> bytes:
    """Build an ICC profile of three primaries (columns, XYZ under D50) and one power."""
    tags = {b"wtpt": _xyz(D50)}
    for name, column in zip((b"r", b"g", b"b"), primaries.T, strict=True):
        tags |= {name + b"XYZ": _xyz(column), name + b"TRC": _curve(gamma)}
    return profile_tags(tags)


def profile_tags(
    tags: dict[bytes, bytes],
    *,
    space: bytes = b"RGB ",
    connection: bytes = b"XYZ ",
    kind: bytes = b"mntr",
) -> bytes:
    """Lay tags out as an ICC profile (ICC.1, version 2.4)."""
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = bytearray(128)
    head[0:4] = struct.pack(">I", at + len(body))
    head[8:12] = b"\x02\x40\0\0"
    head[12:24] = kind + space + connection
    head[36:40] = b"acsp"
    head[68:80] = b"".join(map(_fixed, D50))
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def _curve(gamma: float) -> bytes:
    if gamma == 1:
        return b"curv" + bytes(4) + struct.pack(">I", 0)
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def _xyz(value: Iterable[float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, value))


def _fixed(number: float) -> bytes:
    return struct.pack(">i", round(number * 65536))
