"""Step strip_metadata: keeps the pixels and nothing else."""

from PIL.Image import Image


def strip_metadata(image: Image) -> Image:
    """Copy the pixels into a picture that knows no comment, EXIF, XMP, profile or file."""
    picture = image.copy()  # a plain Image whatever the reader's class was; only ``info`` follows
    picture.info.clear()
    return picture
