"""Step flatten: composes a picture with alpha on white."""

from PIL import Image


def flatten(image: Image.Image) -> Image.Image:
    """Give what a viewer sees on a white page; a picture without alpha is returned as it is."""
    if image.mode != "RGBA":
        return image
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page
