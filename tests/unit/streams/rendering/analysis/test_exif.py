from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL.ExifTags import IFD, Base
from PIL.Image import Exif
from PIL.TiffImagePlugin import IFDRational

from streams.rendering.analysis.exif import camera, captured_at, shown_exif
from tests.support.pictures import CANARY, telltale_exif


def _exif(
    outer: Mapping[Any, object] | None = None, photo: Mapping[Any, object] | None = None
) -> Exif:
    exif = Exif()
    exif.update(outer or {})
    exif.get_ifd(IFD.Exif).update(photo or {})
    return exif


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("NIKON CORPORATION", "NIKON D700", "NIKON D700"),
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("FUJI\0FILM\x1b[31m\n", " X100 ", "FUJI FILM [31m X100"),
        ("", "Pinhole", "Pinhole"),
        ("Leica", "", "Leica"),
        ("\0\0", "   ", None),
        (b"bytes", 7, None),
        ("x" * 999, "", "x" * 100),
    ],
)
def test_the_camera_has_one_clean_name(make: object, model: object, name: str | None) -> None:
    assert camera(_exif({Base.Make: make, Base.Model: model})) == name


def test_a_moment_with_an_offset_is_given_in_utc() -> None:
    photo = {Base.DateTimeOriginal: "2026:07:18 01:30:00", Base.OffsetTimeOriginal: "+02:00"}
    assert captured_at(_exif(photo=photo)) == datetime(2026, 7, 17, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "offset"),
    [
        ("2026:07:18 01:30:00", ""),
        ("0000:00:00 00:00:00", "+00:00"),
        ("0001:01:01 00:00:00", "+14:00"),
        ("yesterday", "+02:00"),
        ("2026:07:18 01:30:00", "east"),
        (b"2026", 5),
    ],
)
def test_a_moment_that_is_not_sure_is_none(moment: object, offset: object) -> None:
    photo = {Base.DateTimeOriginal: moment, Base.OffsetTimeOriginal: offset}
    assert captured_at(_exif(photo=photo)) is None


def test_the_exposure_is_written_as_photographers_do() -> None:
    photo = {
        Base.ExposureTime: IFDRational(1, 250),
        Base.FNumber: IFDRational(28, 10),
        Base.ISOSpeedRatings: (200, 0),
        Base.FocalLength: 35.0,
    }
    assert shown_exif(_exif(photo=photo)) == {
        "exposure_seconds": "1/250",
        "f_number": "2.8",
        "iso": "200",
        "focal_length_mm": "35",
    }


def test_a_long_exposure_counts_in_seconds() -> None:
    assert shown_exif(_exif(photo={Base.ExposureTime: 2.5})) == {"exposure_seconds": "2.5"}


@pytest.mark.parametrize("value", [IFDRational(1, 0), "fast", b"\xff", (), -1, float("inf"), None])
def test_numbers_that_are_none_are_left_out(value: object) -> None:
    photo = dict.fromkeys((Base.ExposureTime, Base.FNumber, Base.ISOSpeedRatings), value)
    assert shown_exif(_exif(photo=photo)) == {}


def test_who_and_where_are_never_told() -> None:
    exif = telltale_exif()
    told = f"{camera(exif)} {captured_at(exif)} {shown_exif(exif)}"
    assert CANARY not in told
    assert "52" not in told
