"""Host names: canonical names and addresses, nothing that needs guessing."""

import re
import unicodedata
from ipaddress import IPv4Address

_MAX_NAME_LENGTH = 253
_MAX_CHARACTERS = 4 * _MAX_NAME_LENGTH  # a letter may be written as several that DNS joins
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_IPV4 = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}", re.ASCII)
# Letters and marks that show nothing and are dropped on their way to DNS: fillers, joiners of
# graphemes, and the selectors of variants, U+FE0F of emoji among them.
_DROPPED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_ASCII_IN_NAME = re.compile(r"[A-Za-z0-9_.-]", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*", re.ASCII)

_INTERNAL_SUFFIXES = (
    "alt",
    "home.arpa",
    "internal",
    "local",
    "localdomain",
    "localhost",
    "onion",
)


def read_ipv4(host: str) -> IPv4Address | None:
    """Read four plain decimal numbers as an address; anything else is not one."""
    if not _IPV4.fullmatch(host):
        return None
    try:
        return IPv4Address(host)
    except ValueError:
        return None


def looks_numeric(host: str) -> bool:
    """Tell whether some resolver would take the host for an IPv4 address.

    This is the URL standard's rule: the last label is a decimal, octal or hexadecimal number.
    """
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def is_ascii_name(host: str) -> bool:
    """Tell whether this is a lower-case name that DNS could hold."""
    return len(host) <= _MAX_NAME_LENGTH and all(map(_LABEL.fullmatch, host.split(".")))


def is_international_name(host: str) -> bool:
    """Tell whether a name with letters beyond ASCII hides no ASCII, digit or dot.

    Full-width and circled letters, foreign digits and ideographic dots turn into plain ASCII
    on their way to DNS; only letters and marks that stay what they are pass. Whether the name
    is a valid one is for IDNA to say.
    """
    is_short = len(host) <= _MAX_CHARACTERS
    return is_short and not host.isascii() and all(host.split(".")) and all(map(_is_plain, host))


def is_internal_name(host: str) -> bool:
    """Tell whether the name can only mean something inside somebody's network."""
    if "." not in host:
        return True
    return any(host.endswith(f".{suffix}") for suffix in _INTERNAL_SUFFIXES)


def _is_plain(character: str) -> bool:
    if character.isascii():
        return _ASCII_IN_NAME.fullmatch(character) is not None
    if unicodedata.category(character)[0] not in "LM" or _DROPPED.fullmatch(character):
        return False
    seen_by_dns = unicodedata.normalize("NFKC", character.lower())
    return not any(each.isascii() for each in seen_by_dns)
