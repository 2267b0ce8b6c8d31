"""EXIF: camera, time and exposure may be shown; never a person or a place."""

import contextlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Final

from PIL.ExifTags import IFD, Base
from PIL.Image import Exif

_NAME_LENGTH: Final = 100
_NOTICE_LENGTH: Final = 300
_ONE_SECOND: Final = 1.0


def camera(exif: Exif) -> str | None:
    """Name make and model, the make only once."""
    make, model = _text(exif.get(Base.Make)), _text(exif.get(Base.Model))
    if model and make and model.lower().startswith(make.split()[0].lower()):
        make = ""
    return " ".join(part for part in (make, model) if part) or None


def copyright_notice(exif: Exif) -> str | None:
    """Read who has the rights; published only where a preset says so."""
    notice = exif.get(Base.Copyright)
    if isinstance(notice, str):
        with contextlib.suppress(UnicodeError):  # Pillow reads Latin-1, cameras write UTF-8
            notice = notice.encode("latin-1").decode()
    return _text(notice, _NOTICE_LENGTH) or None


def captured_at(exif: Exif) -> datetime | None:
    """Tell the moment in UTC; without a time zone no moment is known."""
    photo = _photo(exif)
    date, _, time = _text(photo.get(Base.DateTimeOriginal)).partition(" ")
    offset = _text(photo.get(Base.OffsetTimeOriginal))
    try:
        moment = datetime.fromisoformat(f"{date.replace(':', '-')}T{time}{offset}")
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def shown_exif(exif: Exif) -> dict[str, str]:
    """Give the few settings that say how the picture was taken."""
    photo = _photo(exif)
    iso = photo.get(Base.ISOSpeedRatings)
    settings = {
        "exposure_seconds": _exposure(_number(photo.get(Base.ExposureTime))),
        "f_number": _decimal(_number(photo.get(Base.FNumber))),
        "iso": _decimal(_number(iso[0] if isinstance(iso, tuple) and iso else iso)),
        "focal_length_mm": _decimal(_number(photo.get(Base.FocalLength))),
    }
    return {name: value for name, value in settings.items() if value is not None}


def _photo(exif: Exif) -> Mapping[int, Any]:
    """Read the sub-block of the exposure; a broken one counts as none."""
    try:
        return exif.get_ifd(IFD.Exif)
    except Exception:  # noqa: BLE001 - the parser raises whatever its struct calls raise
        return {}


def _text(value: object, length: int = _NAME_LENGTH) -> str:
    """Clean a name that a camera, or an attacker, wrote."""
    if not isinstance(value, str):
        return ""
    shown = "".join(letter if letter.isprintable() else " " for letter in value)
    return " ".join(shown.split())[:length]


def _number(value: Any) -> float | None:  # noqa: ANN401 - EXIF says nothing about its types
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _decimal(number: float | None) -> str | None:
    return None if number is None else f"{number:.6g}"


def _exposure(seconds: float | None) -> str | None:
    """Write short exposures as photographers do: 1/250."""
    if seconds is None or seconds >= _ONE_SECOND:
        return _decimal(seconds)
    return str(Fraction(1, max(1, round(1 / seconds))))
