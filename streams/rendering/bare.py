"""Step: keep the pixels and nothing else."""

from PIL import Image


def bare(image: Image.Image) -> Image.Image:
    """Rebuild the picture from its pixels, so that no comment, EXIF, XMP or profile comes along."""
    return Image.frombytes(image.mode, image.size, image.tobytes())
