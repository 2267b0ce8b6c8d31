"""Request headers, read in one way by every reader."""

from collections import Counter
from collections.abc import Iterable

from starlette.types import Scope

from infra.http.errors import MalformedHeader

Headers = Iterable[tuple[bytes, bytes]]

FORM = "multipart/form-data"
# One reader takes the first of two, another the last: a limit would be checked against one body,
# and another one be read.
_ONCE = {
    name.lower().encode(): name
    for name in (
        "Authorization",
        "Content-Length",
        "Content-Type",
        "Host",
        "Idempotency-Key",
        "If-Match",
        "Last-Event-ID",
        "Transfer-Encoding",
    )
}


def refuse_repeated(headers: Headers) -> None:
    """Raise MalformedHeader where a header is given twice that can have one value only."""
    counted = Counter(name for name, _ in headers if name in _ONCE)
    for name, times in counted.items():
        if times > 1:
            raise MalformedHeader(
                f"{_ONCE[name]} must be given once",
                errors=[{"detail": "must be given once", "parameter": _ONCE[name]}],
            )


def media_type_of(content_type: str) -> str:
    """Name what a Content-Type says, without parameters; empty where there is none."""
    return content_type.partition(";")[0].strip().lower()


def announces_body(scope: Scope) -> bool:
    """Tell whether the headers of a request say that a body of some bytes follows them."""
    headers = dict[bytes, bytes](scope["headers"])
    return (
        b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""
    )
