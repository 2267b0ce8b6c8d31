"""A perceptual hash: nearly the same after resizing, re-encoding or slight retouching."""

from typing import Final

import numpy as np
from PIL.Image import Image, Resampling

from streams.rendering.steps.flatten import flatten

_SIDE: Final = 32
_KEPT: Final = 8


def perceptual_hash(picture: Image) -> str:
    """Give 64 bits as 16 hex digits; two of one picture differ in few bits, of others in about 32.

    This is pHash as Neal Krawetz described it ("Looks Like It", hackerfactor.com, 2011) and as the
    Python package ImageHash computes it, so its values can be compared with those: grey, 32 x 32,
    cosine transform, the 8 x 8 lowest frequencies, each against their median, row by row.
    """
    grey = flatten(picture).convert("L").resize((_SIDE, _SIDE), Resampling.LANCZOS)
    positions = (2 * np.arange(_SIDE) + 1) / (2 * _SIDE)
    basis = 2 * np.cos(np.pi * np.outer(np.arange(_KEPT), positions))
    lowest = basis @ np.asarray(grey, np.float64) @ basis.T
    return np.packbits(lowest > np.median(lowest)).tobytes().hex()
