"""Which rendition a client gets: the one it named, else the best that its Accept header takes."""

from collections.abc import Sequence
from functools import lru_cache

from domain.values import Rendition
from query_api.images.public_urls import MEDIA_TYPE_OF

_ANY = "*/*"


def renditions_named(renditions: Sequence[Rendition], file_name: str) -> tuple[Rendition, ...]:
    """Find the renditions of a name; with an extension only the one of that format."""
    name, dot, extension = file_name.partition(".")
    media_type = MEDIA_TYPE_OF.get(extension.lower())
    return tuple(
        rendition
        for rendition in renditions
        if rendition.name == name and (not dot or rendition.media_type == media_type)
    )


def best_rendition(renditions: Sequence[Rendition], accept: str | None) -> Rendition:
    """Choose what the client likes most, then the name that comes first, then the fewest bytes.

    A preset names first what stands for the picture; a cut of it may have more pixels. A client
    that takes none of them gets that all the same: a picture that it did not announce mostly shows,
    a 406 never does.
    """
    qualities = _qualities(accept or _ANY)
    names = [rendition.name for rendition in renditions]

    def merit(rendition: Rendition) -> tuple[float, int, int]:
        return (
            _quality(rendition.media_type, qualities),
            -names.index(rendition.name),
            -rendition.size_bytes,
        )

    return max(renditions, key=merit)


def _quality(media_type: str, qualities: dict[str, float]) -> float:
    """Let the most specific range that matches decide."""
    for media_range in (media_type, "image/*", _ANY):
        if media_range in qualities:
            return qualities[media_range]
    return 0.0


@lru_cache(maxsize=256)  # browsers send a handful of these, always the same
def _qualities(accept: str) -> dict[str, float]:
    found = {}
    for part in accept.split(","):
        media_range, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        found[media_range] = quality
    return found
