"""Errors of requests, before anybody looks at what they ask for.

RequestError
├── BadRequest            MalformedRequest, MalformedJson, MalformedHeader, MalformedCsv,
│                         MalformedForm
├── Unauthenticated       ApiKeyMissing, ApiKeyRefused
├── Forbidden             ScopeMissing
├── RouteNotFound
├── MethodNotAllowed
├── NotAcceptable
├── RequestTimeout
├── Gone
├── TooLarge              BodyTooLarge
├── HeadTooLarge
├── UnsupportedMediaType
├── RangeNotSatisfiable
├── RequestInvalid
├── TooManyRequests       RateLimited
└── Unavailable           NotReady
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from domain.errors import ScaleHosterError


class FieldError(TypedDict):
    """What is wrong with one part of a request.

    ``pointer`` is a JSON pointer into the body; ``parameter`` names a header, query or path part.
    """

    detail: str
    pointer: NotRequired[str]
    parameter: NotRequired[str]


class RequestError(ScaleHosterError):
    """The request cannot be answered as it was sent.

    ``detail`` is a sentence for a person, ``members`` are facts for a program, ``headers`` go out
    with the answer.
    """

    def __init__(
        self,
        detail: str,
        *,
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members or {}
        self.headers = headers or {}
        self.errors = errors


class BadRequest(RequestError):
    """The request is not well formed."""


class MalformedRequest(BadRequest):
    """What was sent is no HTTP request."""


class MalformedJson(BadRequest):
    """The body is not JSON."""


class MalformedCsv(BadRequest):
    """The body is not a table that we can read."""


class MalformedForm(BadRequest):
    """The body is not a multipart form that we can read."""


class MalformedHeader(BadRequest):
    """A header does not have the form it must have."""


class Unauthenticated(RequestError):
    """The request does not prove who sent it."""


class ApiKeyMissing(Unauthenticated):
    """The request carries no API key."""


class ApiKeyRefused(Unauthenticated):
    """The API key is not valid."""


class Forbidden(RequestError):
    """The sender may not do this."""


class ScopeMissing(Forbidden):
    """The API key lacks a scope that this needs."""


class RouteNotFound(RequestError):
    """There is nothing at this address."""


class MethodNotAllowed(RequestError):
    """This address does not know the method."""


class NotAcceptable(RequestError):
    """None of the forms asked for can be made."""


class RequestTimeout(RequestError):
    """The request did not come to its end in time."""


class Gone(RequestError):
    """It was here and was taken away."""


class TooLarge(RequestError):
    """The request is larger than we take."""


class BodyTooLarge(TooLarge):
    """The body is larger than the limit."""


class HeadTooLarge(RequestError):
    """Address and headers of the request are larger than the limit."""


class UnsupportedMediaType(RequestError):
    """The body is of a media type that is not understood here."""


class RangeNotSatisfiable(RequestError):
    """The range asked for lies outside of the content."""


class RequestInvalid(RequestError):
    """Some fields of the request are missing or wrong; each is named in errors."""


class TooManyRequests(RequestError):
    """More was sent than was agreed."""


class RateLimited(TooManyRequests):
    """This API key sends more requests per second than it may."""


class Unavailable(RequestError):
    """It cannot be done at this moment; try again after a moment."""


class NotReady(Unavailable):
    """Something that this service needs does not answer."""
