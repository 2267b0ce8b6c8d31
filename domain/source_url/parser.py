"""Source URLs: parse strictly, refuse instead of guessing."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Literal
from urllib.parse import quote

from domain.failures import FailureCode
from domain.source_url.addresses import Address, Network, is_public
from domain.source_url.host_names import (
    is_ascii_name,
    is_internal_name,
    is_international_name,
    looks_numeric,
    read_ipv4,
)

MAX_URL_LENGTH = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(r"(?P<scheme>[^:/?#]*)://(?P<authority>[^/?#]*)(?P<target>[^#]*)(?:#.*)?")
_AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[1-9][0-9]{0,4}))?",
)
_MAX_PORT = 65535
_NEVER_RAW = frozenset({"Cc", "Cs", "Zl", "Zp", "Zs"})
_KEPT_IN_TARGET = "/?:@!$&'()*+,;=~-._%[]"


class SourceRefused(ValueError):
    """The URL is none that we would ever fetch.

    ``code`` is ``invalid_url`` where the URL is malformed and ``blocked_address`` where it
    leads to a place we do not visit; ``detail`` may be shown to the customer.
    """

    def __init__(self, code: FailureCode, detail: str) -> None:
        super().__init__(detail)
        self.code: FailureCode = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUrl:
    """A URL taken apart once, so that nobody reads it differently later.

    ``host`` is canonical: lower case, without a trailing dot, IPv6 in brackets. ``address`` is
    set when the host is an IP literal. ``target`` is the path and query as they go on the wire;
    escapes stay as they were written.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    target: str
    address: Address | None

    @property
    def origin(self) -> str:
        """Host and port, always both: what an allowed origin must equal."""
        return f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """Host and, unless it goes without saying, port: the Host header."""
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else self.origin

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_source_url(
    text: str,
    allowed_origins: AbstractSet[str] = frozenset(),
    refused_networks: Iterable[Network] = (),
) -> SourceUrl:
    """Read a source URL, or raise SourceRefused.

    Nothing is looked up: names pass here and are judged again by where they lead. A host with
    letters beyond ASCII is kept, see ``parse_international_url``. A URL whose exact
    ``host:port`` is in ``allowed_origins`` may name any address and any port; for all others an
    address in ``refused_networks`` is as little public as a private one.
    """
    _refuse_odd_characters(text)
    parts = _URL.fullmatch(text)
    if parts is None:
        raise SourceRefused("invalid_url", "the URL needs a scheme, two slashes and a host")
    match parts["scheme"].lower():
        case "http" | "https" as scheme:
            pass
        case _:
            raise SourceRefused("invalid_url", "only http and https URLs are fetched")
    if "@" in parts["authority"]:
        raise SourceRefused("invalid_url", "the URL must not hold a user name or password")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise SourceRefused("invalid_url", "the host or port is malformed")
    host, address = _host(authority["ipv6"], authority["name"])
    url = SourceUrl(
        scheme=scheme,
        host=host,
        port=_port(authority["port"], DEFAULT_PORTS[scheme]),
        target=_target(parts["target"]),
        address=address,
    )
    _refuse_blocked(url, allowed_origins, refused_networks)
    return url


def parse_international_url(
    text: str,
    allowed_origins: AbstractSet[str],
    refused_networks: Sequence[Network],
    to_ascii: Callable[[str], str],
) -> SourceUrl:
    """Read a source URL, an international name in it as DNS has it, or raise SourceRefused.

    The API that is given a URL and the worker that fetches it both read it by this function, so an
    invalid name is refused at once. ``to_ascii`` encodes the name (IDNA) or raises UnicodeError;
    where it leads is judged again.
    """
    url = parse_source_url(text, allowed_origins, refused_networks)
    if url.host.isascii():
        return url
    try:
        name, address = _named_host(to_ascii(url.host))
    except UnicodeError:
        raise SourceRefused("invalid_url", "the host is no valid international name") from None
    ascii_url = replace(url, host=name, address=address)
    _refuse_blocked(ascii_url, allowed_origins, refused_networks)
    return ascii_url


def _refuse_odd_characters(text: str) -> None:
    if len(text) > MAX_URL_LENGTH:
        raise SourceRefused("invalid_url", f"the URL is longer than {MAX_URL_LENGTH} characters")
    # White space, control characters, lone surrogates, and the backslash that browsers take for
    # a slash: with each of them some parser splits the URL at another place.
    if "\\" in text or any(unicodedata.category(each) in _NEVER_RAW for each in text):
        raise SourceRefused("invalid_url", "the URL holds white space or unescaped characters")


def _host(ipv6: str | None, name: str | None) -> tuple[str, Address | None]:
    if name is not None:
        return _named_host(name)
    try:
        address = IPv6Address(ipv6 or "")
    except ValueError:
        raise SourceRefused("invalid_url", "the IPv6 address is malformed") from None
    return f"[{address}]", address


def _named_host(name: str) -> tuple[str, Address | None]:
    host = (name.lower() if name.isascii() else name).removesuffix(".")
    address = read_ipv4(host)
    if address is None and looks_numeric(host):
        raise SourceRefused("invalid_url", "an IPv4 address is written as four decimal numbers")
    if address is None and not (is_ascii_name(host) or is_international_name(host)):
        raise SourceRefused("invalid_url", "the host is no valid name")
    return host, address


def _port(written: str | None, default: int) -> int:
    port = default if written is None else int(written)
    if port > _MAX_PORT:
        raise SourceRefused("invalid_url", "the port is out of range")
    return port


def _target(path_and_query: str) -> str:
    target = quote(path_and_query, safe=_KEPT_IN_TARGET)
    return target if target.startswith("/") else f"/{target}"


def _refuse_blocked(
    url: SourceUrl, allowed_origins: AbstractSet[str], refused_networks: Iterable[Network]
) -> None:
    if url.origin in allowed_origins:
        return
    if url.port not in DEFAULT_PORTS.values():
        raise SourceRefused("blocked_address", "only the ports 80 and 443 are fetched from")
    if url.address is None:
        is_inside = is_internal_name(url.host)
    else:
        is_inside = not is_public(url.address, refused_networks)
    if is_inside:
        raise SourceRefused("blocked_address", "the host is not on the public internet")
