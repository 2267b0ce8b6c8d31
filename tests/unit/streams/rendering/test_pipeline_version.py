"""PIPELINE_VERSION is raised whenever the same bytes and preset would give something else.

What the pipeline makes of a few pictures is kept as one number. Codecs are left out, since their
bytes differ between processors: what they are handed is looked at instead, pixels and settings.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from hashlib import sha256, shake_256
from itertools import product
from typing import Any, BinaryIO, Final

import pytest
from PIL import Image
from PIL.ExifTags import Base

from streams.rendering import PIPELINE_VERSION, Preset, RenderLimits
from streams.rendering.pipeline import render
from streams.rendering.steps.to_srgb import to_srgb
from tests.support.pictures import encoded, linear_profile, telltale_exif
from tests.support.presets import PRESETS

KEPT: Final = (3, "e850e57c236598a47e34ad40eaf15b1edd44a7979b34d3d191ba162e39b7417a")
_SMALLER: Final = 8  # so much smaller than photographs are the pictures here
_SIZE: Final = (325, 203)


def _picture(seed: bytes, mode: str = "RGB") -> Image.Image:
    """Make a picture of uneven patches: no measure of it lies where a rounding decides."""
    patches = Image.frombytes("RGBA", (7, 5), shake_256(seed).digest(7 * 5 * 4))
    return patches.resize(_SIZE, Image.Resampling.NEAREST).convert(mode)


def _sources() -> Iterator[tuple[str, bytes]]:
    for mode in ("L", "RGB", "RGBA", "P", "1"):
        yield mode, encoded(_picture(b"still", mode), "PNG")
    yield "CMYK", encoded(_picture(b"ink", "CMYK"), "TIFF")
    yield "turned", encoded(_picture(b"turned"), "PNG", exif=telltale_exif(orientation=6))
    others = [_picture(b"second"), _picture(b"third")]
    yield "moving", encoded(_picture(b"first"), "PNG", save_all=True, append_images=others)


def _pixels(picture: Image.Image) -> list[object]:
    return [picture.mode, picture.size, sha256(picture.tobytes()).hexdigest()]


def _smaller(preset: Preset) -> Preset:
    specs = [
        replace(spec, width=spec.width // _SMALLER, height=spec.height // _SMALLER)
        for spec in preset.renditions
    ]
    return replace(preset, renditions=tuple(specs))


def _profiled() -> list[int]:
    """Convert from a profile, as exactly as every processor agrees: none of these is near 32·n."""
    colours = bytes([1, 22, 43, 73, 231, 223])
    converted = to_srgb(linear_profile())(Image.frombytes("RGB", (2, 1), colours))
    return [level // 32 for level in converted.tobytes()]


def test_what_the_pipeline_makes_changes_with_its_version_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources = dict(_sources())
    made: list[object] = []

    def save(picture: Image.Image, file: BinaryIO, kind: str, **options: Any) -> None:  # noqa: ANN401 - Pillow's own
        exif = options.pop("exif", {})
        pictures = [picture, *options.pop("append_images", ())]
        made.append([kind, list(map(_pixels, pictures)), options, str(exif.get(Base.Copyright))])
        file.write(b"picture")

    monkeypatch.setattr(Image.Image, "save", save)
    for preset in PRESETS.values():
        made.append(repr(preset))
        for source, shrunk in product(sources.values(), (preset, _smaller(preset))):
            result = render(source, shrunk, RenderLimits())
            made.append([asdict(result.original), result.facts and asdict(result.facts)])
            made.append([(one.name, one.media_type, one.width) for one in result.renditions])
    text = json.dumps([made, _profiled()], sort_keys=True, default=str)
    found = PIPELINE_VERSION, sha256(text.encode()).hexdigest()
    assert found == KEPT, "the pipeline makes something else: raise PIPELINE_VERSION, keep this"
