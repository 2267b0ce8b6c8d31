"""HEIC: decoded with pillow-heif, where that extra is installed."""

from importlib.util import find_spec
from typing import Final

HEIC_IS_INSTALLED: Final = find_spec("pillow_heif") is not None  # an extra, see ADR 89

if HEIC_IS_INSTALLED:  # now, for a confined child can open no file
    import pillow_heif


def register_heic() -> None:
    """Let Pillow open HEIC where its decoder is installed; elsewhere do nothing."""
    if HEIC_IS_INSTALLED:
        # A phone's small preview may be of another picture; a confined child can start no thread.
        pillow_heif.register_heif_opener(
            thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
        )
