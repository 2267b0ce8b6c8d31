"""What the query API alone refuses.

├── BadRequest     CursorRefused, TransformationUnclear, FeedPlaceRefused
├── Forbidden      TransformationNotSigned
├── NotFound       CommandNotFound, SchemaNotFound, PictureNotFound, RequestNotFound
├── Gone           AssetGone
├── TooManyRequests  TooManyListeners
└── Unavailable    ViewBehind
"""

from domain.errors import NotFound
from infra.http.errors import BadRequest, Forbidden, Gone, TooManyRequests, Unavailable


class CursorRefused(BadRequest):
    """The cursor does not belong to this query."""


class TransformationUnclear(BadRequest):
    """The words in the URL do not say what to make of the picture."""


class TransformationNotSigned(Forbidden):
    """This rendition is made only for URLs that we signed."""


class FeedPlaceRefused(BadRequest):
    """The Last-Event-ID is no id of this tenant's feed."""


class TooManyListeners(TooManyRequests):
    """The tenant has as many open feeds as it may have."""


class CommandNotFound(NotFound):
    """No command of this id was decided in the last 7 days; it may still be waiting."""


class PictureNotFound(NotFound):
    """There is no public picture at this address, or not yet."""


class SchemaNotFound(NotFound):
    """No schema has this id, subject or version."""


class RequestNotFound(NotFound):
    """No operation of this id was asked for in the last 7 days."""


class AssetGone(Gone):
    """The picture was here and was taken away."""


class ViewBehind(Unavailable):
    """What was asked for is not as recent as the write it must show; try again after a moment."""
