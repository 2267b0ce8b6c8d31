import pytest

from streams.rendering.formats.sniffing import is_accepted, is_heic, refused_format
from tests.support.pictures import encoded, wheel


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf\n <?xml version='1.0'?>\n<!DOCTYPE svg><svg/>", "SVG"),
        (b"<!-- drawn by hand --><svg></svg>", "SVG"),
        (b"%PDF-1.7\n", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
        (b"\xc5\xd0\xd3\xc6 binary", "EPS"),
        (b"\xff\x0a jxl", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\x01\0\x01\0", "ICO"),
        (b"II*\0\x10\0\0\0CR\x02\0", "Canon RAW"),
    ],
)
def test_known_formats_that_we_do_not_take_have_a_name(head: bytes, name: str) -> None:
    assert refused_format(head) == name


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_what_we_take_is_recognised(kind: str) -> None:
    source = encoded(wheel(), kind)
    assert is_accepted(source)
    assert refused_format(source) is None


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_a_heic_is_recognised_by_any_of_its_brands(brand: bytes) -> None:
    head = b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic"
    assert is_accepted(head)
    assert is_heic(head)
    assert refused_format(head) is None


def test_an_avif_that_also_claims_to_be_heif_is_an_avif() -> None:
    head = b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf"
    assert is_accepted(head)
    assert not is_heic(head)
    assert refused_format(head) is None


@pytest.mark.parametrize(
    "head", [b"", b"<html><svg></svg></html>", b"hello", b"\0" * 64, b"PK\3\4"]
)
def test_what_is_no_picture_has_no_name(head: bytes) -> None:
    assert refused_format(head) is None
    assert not is_accepted(head)
