"""What presets promise: sizes, shapes, cuts, bars, and whose picture it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import Base

from domain.transformations import Fit
from domain.values import FocalPoint
from infra.errors import SettingsWrong
from read_models.renditions.watermark import watermark_name
from streams.rendering import Preset, RenderLimits, RenderResult, RenditionSpec, deployed_presets
from streams.rendering.framing import frame, scale
from streams.rendering.pipeline import render
from streams.rendering.presets import SQUARE, presets
from streams.rendering.steps.shrink import scaled
from tests.support.pictures import encoded, opened, pixels, rendition, telltale_exif, wheel
from tests.support.presets import PRESETS

SPEC = replace(SQUARE, width=80, height=60)
COVER, CONTAIN = replace(SPEC, fit="cover"), replace(SPEC, fit="contain")
SIDES = st.integers(1, 300)
SHARES = st.floats(0, 1)
LIMITS = RenderLimits()


def _made(source: bytes, preset: str) -> RenderResult:
    return render(source, PRESETS[preset], LIMITS)


def _framed(picture: Image.Image, spec: RenditionSpec) -> Image.Image:
    whole = picture.resize(scaled(picture.size, scale(spec, picture.size)))
    return frame(spec, whole)(whole)


def test_names_and_media_types_are_unique_in_every_preset() -> None:
    for name, preset in PRESETS.items():
        keys = [(spec.name, spec.media_type) for spec in preset.renditions]
        assert preset.name == name
        assert len(set(keys)) == len(keys)


def test_every_preset_begins_with_the_whole_picture_and_has_a_thumb_for_listings() -> None:
    for preset in PRESETS.values():
        assert preset.renditions[0].fit == "inside"
        assert [spec.fit for spec in preset.renditions if spec.name == "thumb"] == ["inside"]


def test_a_product_is_also_cut_to_squares_and_laid_on_one() -> None:
    made = _made(encoded(wheel(3000, 1500), "JPEG"), "product")
    assert [(r.name, r.width, r.height) for r in made.renditions[4:]] == [
        ("square", 800, 800),
        ("square-thumb", 256, 256),
        ("padded", 800, 800),
    ]
    padded = pixels(opened(rendition(made, "padded", "image/jpeg").data))
    assert (padded[:190] >= 250).all()  # white above and below
    assert (padded[-190:] >= 250).all()


def test_a_photograph_on_its_side_is_cut_upright() -> None:
    made = _made(encoded(wheel(3000, 1500), "JPEG", exif=telltale_exif(6)), "photo")
    assert [(r.name, r.width, r.height) for r in made.renditions] == [
        ("large", 1280, 2560),
        ("medium", 512, 1024),
        ("medium", 512, 1024),
        ("thumb", 128, 256),
        ("card", 1200, 630),
    ]


@pytest.mark.parametrize(
    ("size", "fit", "expected"),
    [
        ((400, 300), "cover", (80, 60)),
        ((400, 60), "cover", (80, 60)),
        ((40, 90), "cover", (40, 30)),  # smaller: the same shape, as large as it can be
        ((400, 30), "cover", (40, 30)),
        ((1, 500), "cover", (1, 1)),
        ((400, 60), "contain", (80, 60)),
        ((40, 20), "contain", (40, 30)),
        ((10, 30), "contain", (40, 30)),
        ((400, 60), "inside", (80, 12)),
        ((40, 20), "inside", (40, 20)),
    ],
)
def test_a_size_is_met_without_enlarging(
    size: tuple[int, int], fit: Fit, expected: tuple[int, int]
) -> None:
    assert _framed(wheel(*size), replace(SPEC, fit=fit)).size == expected


@given(width=SIDES, height=SIDES, fit=st.sampled_from(["cover", "contain"]))
def test_whatever_the_picture_the_shape_is_the_asked_one(width: int, height: int, fit: Fit) -> None:
    found = _framed(Image.new("RGB", (width, height)), replace(SPEC, fit=fit))
    assert found.width <= SPEC.width
    assert found.height <= SPEC.height
    assert abs(found.width * SPEC.height / SPEC.width - found.height) <= 1
    if fit == "cover":
        assert found.width <= width
        assert found.height <= height


def test_a_cut_keeps_the_middle() -> None:
    picture = wheel(300, 60)
    assert (pixels(_framed(picture, COVER)) == pixels(picture.crop((110, 0, 190, 60)))).all()


@pytest.mark.parametrize("place", [0, 100, 220])
def test_attention_cuts_where_most_is_to_be_seen(place: int) -> None:
    picture = Image.new("RGB", (300, 60), "lightgrey")
    stripes = np.zeros((60, 80, 3), np.uint8)
    stripes[:, ::4] = (255, 40, 0)
    picture.paste(Image.fromarray(stripes), (place, 0))
    found = _framed(picture, replace(COVER, gravity="attention"))
    seen = (pixels(found)[..., 1] < 200).any(0).sum()
    assert seen >= 75  # of 80 columns


def test_attention_cuts_an_even_picture_in_the_middle() -> None:
    picture = Image.new("RGB", (300, 60), "lightgrey")
    picture.putpixel((150, 30), (0, 0, 0))
    found = _framed(picture, replace(COVER, gravity="attention"))
    assert (pixels(found) == 0).any()


@given(
    size=st.tuples(st.integers(80, 255), st.integers(60, 255)),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_a_focal_point_lies_in_the_middle_of_the_cut_or_as_near_as_the_edges_allow(
    size: tuple[int, int], x: float, y: float
) -> None:
    down, across = np.indices(size[::-1], np.uint8)
    picture = Image.fromarray(np.stack([across, down, across], -1))
    cut = pixels(frame(replace(COVER, gravity=FocalPoint(x=x, y=y)), picture)(picture))
    assert cut.shape == (60, 80, 3)
    for start, length, kept, share in (
        (cut[0, 0, 0], size[0], 80, x),
        (cut[0, 0, 1], size[1], 60, y),
    ):
        assert start == pytest.approx(
            sorted((0, share * length - kept / 2, length - kept))[1], abs=1
        )


def test_bars_are_white_or_as_clear_as_the_picture_may_be() -> None:
    assert _framed(Image.new("RGB", (80, 20)), CONTAIN).getpixel((0, 0)) == (255, 255, 255)
    assert _framed(Image.new("RGBA", (80, 20)), CONTAIN).getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_photographs_keep_their_copyright_and_nothing_else(kind: str) -> None:
    exif = telltale_exif()
    exif[Base.Copyright] = "© 2026 Zoë Müller\n<script>".encode()
    made = _made(encoded(wheel(), kind, exif=exif), "photo")
    for one in made.renditions:
        assert "© 2026 Zoë Müller <script>".encode() in one.data
        assert dict(opened(one.data).getexif()).keys() == {Base.Copyright}


def test_without_a_notice_nothing_is_written() -> None:
    made = _made(encoded(wheel(), "JPEG"), "photo")
    assert not any(opened(one.data).getexif() for one in made.renditions)


def test_another_mark_makes_other_bytes_of_what_is_marked_and_of_nothing_else() -> None:
    source, mark = encoded(wheel(3000, 1500), "JPEG"), encoded(Image.new("RGB", (90, 30)), "PNG")
    before, after = (
        _made(source, "proof"),
        render(source, presets(mark)["proof"], LIMITS),
    )
    changed = [
        one.name
        for one, other in zip(before.renditions, after.renditions, strict=True)
        if one.sha256 != other.sha256
    ]
    assert changed == ["large", "medium", "medium"]
    assert before.facts == after.facts
    assert presets(mark)["photo"] == PRESETS["photo"]
    large = pixels(opened(rendition(after, "large").data))
    assert (large[500:524, 985:1063] < 160).all(), "black, at its own size, in the middle"
    assert (large[450:480, 985:1063, 2] > 60).all(), "and nothing around it"


def test_what_moves_is_marked_in_every_frame() -> None:
    frames = [Image.new("RGB", (400, 300), colour) for colour in ("navy", "olive")]
    source = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=90)
    film = opened(rendition(_made(source, "proof"), "large").data)
    for number in range(2):
        film.seek(number)
        assert pixels(film).std() > 5, "more than one colour"


def test_a_preset_does_not_forget_its_mark() -> None:
    with pytest.raises(ValueError, match="marks renditions with nothing"):
        Preset(name="p", renditions=(replace(SQUARE, is_marked=True),))


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        encoded(wheel(), "JPEG"),
        encoded(wheel(), "PNG")[:200],
        encoded(Image.new("1", (2049, 1)), "PNG"),
    ],
    ids=["nothing", "not PNG", "torn", "too wide"],
)
def test_what_cannot_mark_is_refused(picture: bytes, tmp_path: Path) -> None:
    place = tmp_path / "mark.png"
    place.write_bytes(picture)
    with pytest.raises(SettingsWrong, match=r"PNG|pixels"):
        deployed_presets(str(place))


@given(st.sampled_from(list(PRESETS.values())), st.builds(FocalPoint, x=SHARES, y=SHARES))
def test_a_picture_s_own_point_moves_what_a_preset_cuts_and_nothing_else(
    preset: Preset, point: FocalPoint
) -> None:
    own = FocalPoint(x=0.5, y=1)  # of goods that stand at the foot of their picture
    preset = replace(preset, renditions=(*preset.renditions, replace(SQUARE, gravity=own)))
    aimed = preset.with_focal_point(point)
    for before, after in zip(preset.renditions, aimed.renditions, strict=True):
        moves = before.fit == "cover" and before.gravity != own
        assert after == (replace(before, gravity=point) if moves else before)
    assert replace(aimed, renditions=preset.renditions) == preset
    assert preset.with_focal_point(None) == preset


def test_a_mark_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="nowhere"):
        deployed_presets(str(tmp_path / "nowhere"))


def test_a_deployment_has_its_own_mark_and_all_else_as_it_is(tmp_path: Path) -> None:
    picture = encoded(Image.new("RGB", (9, 3)), "PNG")
    place = tmp_path / "mark.png"
    place.write_bytes(picture)
    deployed = deployed_presets(str(place))
    assert deployed == presets(picture)
    assert deployed["proof"].mark == watermark_name(picture) != PRESETS["proof"].mark
    assert [preset.name for preset in deployed.values() if preset.mark] == ["proof"]
    assert deployed_presets("") == PRESETS


def test_a_small_picture_s_names_share_their_bytes_only_if_they_show_the_same() -> None:
    renditions = (
        replace(SQUARE, name="a"),
        replace(SQUARE, name="b", width=900, height=900),
        replace(SQUARE, name="c", fit="inside"),
        replace(SQUARE, name="d", fit="contain"),
    )
    made = render(encoded(wheel(), "PNG"), Preset(name="p", renditions=renditions), LIMITS)
    a, b, c, d = (one.sha256 for one in made.renditions)
    assert a == b
    assert len({a, c, d}) == 3
