"""ThumbHash: a blurred preview of a picture, alpha and aspect included, in about 25 bytes."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from streams.rendering.steps.shrink import shrink

_BOX_PIXELS: Final = 100  # the format's own bound on what is hashed

Plane = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Channel:
    """The cosine terms of one plane: the constant one, the others as 0-1, and what scales them."""

    constant: float
    varying: list[float]
    scale: float


def thumbhash(picture: Image) -> str:
    """Hash a picture as Evan Wallace's format says (evanw.github.io/thumbhash), in base 64."""
    rgba = np.asarray(shrink(_BOX_PIXELS)(picture).convert("RGBA"), np.float64) / 255
    height, width, _ = rgba.shape
    alpha = rgba[..., 3]
    opaque = alpha.sum()
    has_alpha = bool(opaque < width * height)
    veil = alpha[..., np.newaxis]
    average = (rgba[..., :3] * veil).sum((0, 1)) / (opaque or 1)
    red, green, blue = np.moveaxis(average * (1 - veil) + rgba[..., :3] * veil, -1, 0)

    terms = 5 if has_alpha else 7
    across = max(1, _round(terms * width / max(width, height)))
    down = max(1, _round(terms * height / max(width, height)))
    light = _channel((red + green + blue) / 3, max(3, across), max(3, down))
    yellow_blue = _channel((red + green) / 2 - blue, 3, 3)
    red_green = _channel(red - green, 3, 3)

    is_landscape = width > height
    head = (
        _round(63 * light.constant)
        | _round(31.5 + 31.5 * yellow_blue.constant) << 6
        | _round(31.5 + 31.5 * red_green.constant) << 12
        | _round(31 * light.scale) << 18
        | has_alpha << 23
    ).to_bytes(3, "little")
    head += (
        (down if is_landscape else across)
        | _round(63 * yellow_blue.scale) << 3
        | _round(63 * red_green.scale) << 9
        | is_landscape << 15
    ).to_bytes(2, "little")
    channels = [light, yellow_blue, red_green]
    if has_alpha:
        veil_terms = _channel(alpha, 5, 5)
        head += bytes([_round(15 * veil_terms.constant) | _round(15 * veil_terms.scale) << 4])
        channels.append(veil_terms)
    nibbles = [_round(15 * term) for channel in channels for term in channel.varying]
    nibbles += [0] * (len(nibbles) % 2)
    body = bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return b64encode(head + body).decode()


def _channel(plane: Plane, across: int, down: int) -> _Channel:
    """Transform a plane and keep the terms in the upper left triangle."""
    height, width = plane.shape
    terms = _cosines(down, height) @ plane @ _cosines(across, width).T / plane.size
    constant, *varying = (
        float(terms[y, x])
        for y in range(down)
        for x in range(across)
        if x * down < across * (down - y)
    )
    scale = max(map(abs, varying))
    if scale:
        varying = [0.5 + 0.5 / scale * term for term in varying]
    return _Channel(constant, varying, scale)


def _cosines(count: int, length: int) -> Plane:
    table: Plane = np.cos(np.pi / length * np.outer(np.arange(count), np.arange(length) + 0.5))
    return table


def _round(number: Any) -> int:  # noqa: ANN401 - a Python or a numpy float
    """Round halves up, as the reference's JavaScript does."""
    return int(np.floor(number + 0.5))
