"""Transformations: renditions that a public URL asks for, each with one spelling and one key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from domain.values import BlobKey, FocalPoint, Sha256

ON_DEMAND: Final = "derived"
_MADE_AS: Final = 2  # raised when the same words would give other bytes
_MARK_DIGITS: Final = 16
_MAX_PIXELS_A_SIDE: Final = 4096
_MAX_QUALITY: Final = 100
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")

Format = Literal["webp", "jpg"]
Fit = Literal["inside", "cover", "contain"]
"""Show the whole picture; fill the size and cut off what juts out; fill it with bars beside."""


MIDDLE: Final = FocalPoint(x=0.5, y=0.5)

Gravity = Literal["centre", "attention"] | FocalPoint
"""What ``cover`` keeps: the middle, where most is to be seen, or what lies around a point."""

MEDIA_TYPE_OF: Final[dict[Format, Literal["image/webp", "image/jpeg"]]] = {
    "webp": "image/webp",
    "jpg": "image/jpeg",
}

_FITS: Final[Mapping[str, Fit]] = {"inside": "inside", "cover": "cover", "contain": "contain"}
_GRAVITIES: Final[Mapping[str, Gravity]] = {
    "centre": "centre",
    "attention": "attention",
    str(MIDDLE): "centre",
}
_SHARE = r"(0(?:\.[0-9]{1,3})?|1(?:\.0{1,3})?)"
_FOCAL_POINT = re.compile(f"fp_{_SHARE}_{_SHARE}")
_FORMATS: Final[Mapping[str, Format]] = {"webp": "webp", "jpg": "jpg"}

_Word = TypeVar("_Word")


class InvalidTransformation(ValueError):
    """The words do not say what to make; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformation:
    """What to make of an original; nothing is ever enlarged.

    ``width`` and ``height`` are pixels, 4096 at most; with ``fit`` inside one may be None. Without
    a ``gravity`` it is cut at the picture's own focal point, or in the middle if it has none.
    """

    width: int | None
    height: int | None
    fit: Fit
    gravity: Gravity | None
    format: Format
    quality: int

    def __str__(self) -> str:
        """Spell it out; two that make the same are spelt the same."""
        words = [f"w_{self.width}"] if self.width else []
        words += [f"h_{self.height}"] if self.height else []
        words += [f"fit_{self.fit}"] if self.fit != "inside" else []
        words += [f"g_{self.gravity}"] if self.gravity else []
        return ",".join([*words, f"f_{self.format}", f"q_{self.quality}"])

    def with_focal_point(self, focal_point: FocalPoint | None) -> "Transformation":
        """Say what is made of a picture with that point; the middle is not said any more."""
        if self.fit != "cover":
            return self
        gravity = self.gravity or focal_point
        return replace(self, gravity=None if gravity in ("centre", MIDDLE) else gravity)


def is_transformation(text: str) -> bool:
    """Tell the words of a transformation from the file name of a rendition, which has no `_`."""
    return "_" in text


def parse_transformation(text: str) -> Transformation:
    """Read ``w_800,h_600,fit_cover,g_attention,f_webp,q_80``, in any order.

    A width or a height must be there, both for the fits cover and contain. ``g_fp_0.3_0.7`` keeps
    what lies around that point, as near to the middle as the picture's edges allow; where no g is
    said it is the point of the picture. Raises InvalidTransformation.
    """
    words: dict[str, str] = {}
    for word in text.split(","):
        name, _, value = word.partition("_")
        if name in words or not value:
            raise InvalidTransformation(f"{word[:40]!r} is no word, or comes twice")
        words[name] = value
    asked = Transformation(
        width=_number(words.pop("w", None), _MAX_PIXELS_A_SIDE),
        height=_number(words.pop("h", None), _MAX_PIXELS_A_SIDE),
        fit=_one_of(_FITS, words.pop("fit", "inside")),
        gravity=_gravity(words.pop("g", None)),
        format=_one_of(_FORMATS, words.pop("f", "webp")),
        quality=_number(words.pop("q", None), _MAX_QUALITY) or 80,
    )
    if words:
        raise InvalidTransformation(f"{next(iter(words))[:40]!r} is none of w, h, fit, g, f, q")
    sides = [side for side in (asked.width, asked.height) if side]
    if not sides or (asked.fit != "inside" and len(sides) == 1):
        raise InvalidTransformation("name w_ or h_; fit_cover and fit_contain need both")
    if asked.gravity == "centre" and asked.fit != "cover":
        return replace(asked, gravity=None)
    if asked.gravity and asked.fit != "cover":
        raise InvalidTransformation("g_ says what fit_cover keeps; it means nothing without it")
    return asked


def derived_folder(asset: BlobKey, original: Sha256) -> BlobKey:
    """Say where all is kept that was made on demand of an original, in the folder of its asset."""
    return BlobKey(f"{asset}/{ON_DEMAND}/{original}")


def derived_key_prefix(asset: BlobKey, original: Sha256, watermark: Sha256 | None) -> str:
    """Say how the keys of all begin that are made by the same code with the same watermark."""
    mark = watermark[:_MARK_DIGITS] if watermark else "plain"
    return f"{derived_folder(asset, original)}/{_MADE_AS}.{mark}."


def derived_key(
    asset: BlobKey, original: Sha256, made: Transformation, watermark: Sha256 | None
) -> BlobKey:
    """Say where one of them is kept; the same words and watermark always lead to the same bytes."""
    words = str(made).replace(",", ".")
    return BlobKey(f"{derived_key_prefix(asset, original, watermark)}{words}")


def _number(text: str | None, at_most: int) -> int | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or int(text) > at_most:
        raise InvalidTransformation(f"{text[:40]!r} is no number from 1 to {at_most}")
    return int(text)


def _gravity(text: str | None) -> Gravity | None:
    if text is None:
        return None
    if point := _FOCAL_POINT.fullmatch(text):
        found = FocalPoint(x=float(point[1]), y=float(point[2]))
        return _GRAVITIES.get(str(found), found)
    return _one_of(_GRAVITIES, text)


def _one_of(known: Mapping[str, _Word], word: str) -> _Word:
    if word not in known:
        raise InvalidTransformation(f"{word[:40]!r} is none of {', '.join(known)}")
    return known[word]
