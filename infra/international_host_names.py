"""Host names with letters beyond ASCII as DNS is asked for them (IDNA)."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import idna

from domain.source_url.addresses import Network
from domain.source_url.parser import SourceRefused, SourceUrl, parse_source_url, with_ascii_host


def parse_international_url(
    text: str,
    allowed_origins: AbstractSet[str] = frozenset(),
    refused_networks: Sequence[Network] = (),
) -> SourceUrl:
    """Read a source URL, its international name as DNS has it; raises SourceRefused.

    The API that takes a URL and the worker that fetches it read it by this one function, so that
    a name which is none is refused at once, and not by a picture that is given up later.
    """
    url = parse_source_url(text, allowed_origins, refused_networks)
    if url.host.isascii():
        return url
    try:
        host = idna.encode(url.host, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:
        raise SourceRefused("invalid_url", "the host is no valid international name") from None
    return with_ascii_host(url, host, allowed_origins, refused_networks)
