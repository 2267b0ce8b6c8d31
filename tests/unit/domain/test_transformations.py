from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.transformations import (
    MIDDLE,
    Fit,
    Gravity,
    InvalidTransformation,
    Transformation,
    derived_folder,
    derived_key,
    derived_key_prefix,
    is_transformation,
    parse_transformation,
)
from domain.values import BlobKey, FocalPoint, Sha256
from infra.blobs.store import check_blob_key

ORIGINAL = Sha256("ab" * 32)
ASSET = BlobKey("assets/acme/cat")


SHARES = st.integers(min_value=0, max_value=1000).map(lambda thousandths: thousandths / 1000)
POINTS = st.builds(FocalPoint, x=SHARES, y=SHARES).filter(lambda point: point != MIDDLE)
WORDS: list[Gravity] = ["centre", "attention"]
GRAVITIES = st.sampled_from(WORDS) | POINTS


@st.composite
def transformations(draw: st.DrawFn) -> Transformation:
    sides = st.integers(min_value=1, max_value=4096)
    fits: list[Fit] = ["inside", "cover", "contain"]
    fit = draw(st.sampled_from(fits))
    width, height = draw(sides), draw(sides)
    missing = draw(st.sampled_from(["neither", "width", "height"])) if fit == "inside" else ""
    return Transformation(
        width=None if missing == "width" else width,
        height=None if missing == "height" else height,
        fit=fit,
        gravity=draw(st.none() | GRAVITIES) if fit == "cover" else None,
        format=draw(st.sampled_from(["webp", "jpg"])),
        quality=draw(st.integers(min_value=1, max_value=100)),
    )


@given(transformations(), st.randoms(use_true_random=False))
def test_what_is_spelt_out_reads_as_the_same_in_any_order(
    wanted: Transformation, random: "object"
) -> None:
    words = str(wanted).split(",")
    random.shuffle(words)  # type: ignore[attr-defined] # a Random
    assert parse_transformation(",".join(words)) == wanted


marks = st.none() | st.sampled_from("ab").map(lambda digit: Sha256(digit * 64))


@given(transformations(), marks)
def test_it_is_kept_below_its_original_under_a_plain_path(
    wanted: Transformation, watermark: Sha256 | None
) -> None:
    key = check_blob_key(derived_key(ASSET, ORIGINAL, wanted, watermark))
    assert key.startswith(f"{derived_folder(ASSET, ORIGINAL)}/")
    for mark in (None, Sha256("a" * 64), Sha256("b" * 64)):
        assert key.startswith(derived_key_prefix(ASSET, ORIGINAL, mark)) == (mark == watermark), (
            "told by its mark"
        )


@given(st.tuples(transformations(), marks), st.tuples(transformations(), marks))
def test_two_are_kept_apart_unless_they_are_the_same_with_the_same_mark(
    one: tuple[Transformation, Sha256 | None], other: tuple[Transformation, Sha256 | None]
) -> None:
    assert (derived_key(ASSET, ORIGINAL, *one) == derived_key(ASSET, ORIGINAL, *other)) == (
        one == other
    )


@given(transformations(), st.none() | POINTS | st.just(MIDDLE))
def test_a_picture_s_own_point_counts_where_a_cut_says_no_other(
    wanted: Transformation, point: FocalPoint | None
) -> None:
    made = wanted.with_focal_point(point)
    assert replace(made, gravity=None) == replace(wanted, gravity=None)
    if wanted.fit != "cover":
        assert made == wanted
    elif wanted.gravity is None:
        assert made.gravity == (None if point == MIDDLE else point)
    else:
        assert made.gravity == (None if wanted.gravity == "centre" else wanted.gravity)
    assert made.with_focal_point(None) == made, "nothing is left open"
    assert parse_transformation(str(made)) == made


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("w_800", "w_800,f_webp,q_80"),
        ("h_600,f_jpg", "h_600,f_jpg,q_80"),
        ("q_80,fit_inside,g_centre,w_800", "w_800,f_webp,q_80"),
        (
            "fit_cover,h_9,w_8,g_attention",
            "w_8,h_9,fit_cover,g_attention,f_webp,q_80",
        ),
        ("w_8,h_9,fit_cover,g_fp_0.30_1.0", "w_8,h_9,fit_cover,g_fp_0.3_1,f_webp,q_80"),
        ("w_8,h_9,fit_cover", "w_8,h_9,fit_cover,f_webp,q_80"),
        ("w_8,h_9,fit_cover,g_fp_0.5_0.50", "w_8,h_9,fit_cover,g_centre,f_webp,q_80"),
    ],
)
def test_every_wish_has_one_spelling(text: str, spelt: str) -> None:
    assert str(parse_transformation(text)) == spelt


@pytest.mark.parametrize(
    "text",
    [
        "",
        "_",
        "w_",
        "w_0",
        "w_4097",
        "w_08",
        "w_-1",
        "w_8.5",
        "w_٣",
        "w_8,w_8",
        "w_8,",
        "f_webp",
        "w_8,f_gif",
        "w_8,q_0",
        "w_8,q_101",
        "w_8,fit_cover",
        "w_8,h_8,fit_stretch",
        "w_8,g_attention",
        "w_8,h_8,fit_contain,g_attention",
        "w_8,blur_3",
        "w_8,h_8,fit_cover,g_north",
        "w_8,h_8,fit_inside,g_fp_0.3_0.7",
        "w_8,h_8,fit_cover,g_fp_0.3",
        "w_8,h_8,fit_cover,g_fp_1.1_0.5",
        "w_8,h_8,fit_cover,g_fp_-0.1_0.5",
        "w_8,h_8,fit_cover,g_fp_0.1234_0.5",
        "w_8,h_8,fit_cover,g_fp_.3_.7",
        "w_8,h_8,fit_cover,g_fp_1e-1_0",
        "w_8,h_8,fit_cover,g_fp_٣_0",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidTransformation):
        parse_transformation(text)


@pytest.mark.parametrize("name", ["large.webp", "thumb", "square-thumb.webp"])
def test_a_rendition_is_not_taken_for_one(name: str) -> None:
    assert not is_transformation(name)
    assert is_transformation("w_8")
