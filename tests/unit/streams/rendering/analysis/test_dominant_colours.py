from PIL import Image

from streams.rendering.analysis.dominant_colours import dominant_colours


def test_the_most_common_colour_comes_first() -> None:
    picture = Image.new("RGB", (60, 60), "#204060")
    picture.paste("#f0c010", (0, 0, 60, 20))
    assert dominant_colours(picture)[:2] == ("#204060", "#f0c010")


def test_what_is_see_through_does_not_count() -> None:
    picture = Image.new("RGBA", (60, 60), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 10, 10))
    assert dominant_colours(picture) == ("#0000ff",)


def test_a_picture_of_which_nothing_shows_is_white() -> None:
    assert dominant_colours(Image.new("RGBA", (8, 8))) == ("#ffffff",)


def test_there_are_at_most_five() -> None:
    assert 3 <= len(dominant_colours(Image.linear_gradient("L").convert("RGB"))) <= 5
