"""Redirects: the target of one, before it is judged."""

from urllib.parse import urljoin

from domain.source_url.parser import SourceUrl
from streams.outbound_http.address_guard import AddressGuard
from streams.outbound_http.fetch_failures import FetchFailed
from streams.outbound_http.http_exchange import OriginResponse

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def next_hop(url: SourceUrl, answer: OriginResponse, guard: AddressGuard) -> SourceUrl | None:
    """Return the URL that the answer redirects to, or nothing if it is no redirect.

    The target passes the guard like a customer's URL. Raises FetchFailed: as the guard does,
    ``tls_failure`` for a way from https to http. A redirect without exactly one plain Location
    is none, and ends as the status it is.
    """
    location = answer.value("location")
    if answer.status not in _REDIRECTS or not location:
        return None
    if not location.isascii() or not location.isprintable() or " " in location:
        # urljoin would quietly drop some of these; escaped ones are fine.
        raise FetchFailed("invalid_url", "the source redirects to a malformed URL")
    target = guard.read(_joined(url, location))
    if url.scheme == "https" and target.scheme == "http":
        raise FetchFailed("tls_failure", "the source redirects from https to http")
    return target


def _joined(url: SourceUrl, location: str) -> str:
    try:
        return urljoin(str(url), location)
    except ValueError:
        raise FetchFailed("invalid_url", "the source redirects to a malformed URL") from None
