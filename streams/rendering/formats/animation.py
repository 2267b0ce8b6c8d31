"""Animations: their frames, durations and loop count."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageFile

_MOVING: Final = frozenset({"GIF", "WEBP", "PNG", "AVIF"})  # a TIFF has pages
_ENDLESS: Final = 0
_MOST_PLAYS: Final = 65_535  # what WebP has room for


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimationReader:
    """An animation that was opened; ``plays`` is how often it is shown, 0 for ever."""

    plays: int
    _image: ImageFile.ImageFile
    _frames: range
    _size: tuple[int, int]

    def frames(self) -> Iterator[tuple[Image.Image, int]]:
        """Decode one frame after the other, with the milliseconds it stands.

        Each is complete, whatever part of it the file repeats. They are one picture, which changes:
        be through with one before asking for the next. Raises whatever the decoder raises.
        """
        for number in self._frames:
            self._image.seek(number)
            self._image.load()
            frame: Image.Image = self._image
            if frame.size != self._size:  # a GIF's later frames may reach beyond its canvas
                frame = frame.crop((0, 0, *self._size))
            yield frame, round(self._image.info.get("duration", 0))


def animation(image: ImageFile.ImageFile, frames: int) -> AnimationReader | None:
    """Say how a picture moves, if it does."""
    if frames == 1 or image.format not in _MOVING:
        return None
    first = int(getattr(image, "default_image", False))  # an APNG's stand-in for old viewers
    return AnimationReader(
        plays=_plays(image), _image=image, _frames=range(first, frames), _size=image.size
    )


def _plays(image: ImageFile.ImageFile) -> int:
    """Translate a GIF's number of repetitions, as gif2webp does; without one it plays once."""
    if image.format != "GIF":
        return min(int(image.info.get("loop", _ENDLESS)), _MOST_PLAYS)
    if "loop" not in image.info:
        return 1
    repetitions = int(image.info["loop"])
    return min(repetitions + 1, _MOST_PLAYS) if repetitions else _ENDLESS
