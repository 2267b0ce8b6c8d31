"""Requests that mean harm, or were never thought of: paths, parameters, headers and bodies.

Each is a whole request as it comes off the wire, put straight to the application: no client library
gets to refuse or to mend it first.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

ASSET = str(UUID(int=1, version=4))
BODIES: Mapping[str, Any] = {
    "/v1/assets": {"download_url": "https://example.com/cat.jpg", "category": "cats"},
    "/v1/assets/{asset_id}": {"title": "A cat", "focal_point": {"x": 0.5, "y": 0.5}},
    "/v1/assets/{asset_id}/source": {"download_url": "https://example.com/cat.jpg"},
    "/v1/assets/{asset_id}/categories": {"categories": ["cats"]},
    "/v1/assets/{asset_id}/reprocess": {"preset": "product"},
    "/v1/categories": {"name": "Dogs", "slug": "dogs", "parent": None},
    "/v1/categories/{category}": {"name": "Dogs", "slug": "dogs", "parent": None},
    "/v1/operations": {"kind": "tag", "filter": {"from": "2026-01-01"}, "tags": ["x"]},
    "/v1/operations/{operation_id}/revert": {"per_second": 3},
    "/v1/operations/{operation_id}/throttle": {"per_second": 3},
    "/v1/admin/rebuilds": {"view": "assets_by_date"},
    "/v1/admin/rebuilds/{view}/{verb}": {"reason": "why not"},
    "/v1/webhooks": {"url": "https://example.com/hooks", "event_types": ["asset.published"]},
    "/v1/webhooks/{endpoint_id}": {"url": "https://example.com/hooks", "is_enabled": True},
    "/v1/webhooks/{endpoint_id}/redeliver": {"from": "2026-11-23T09:30:00Z", "to": None},
}
"""A good body of each address that takes JSON; hostile values are put into it one by one."""

SEGMENTS = (
    *("%00", "a%00b", "%FF%FE", "%ED%A0%80", "%EF%B8%8F", "%F0%9F%92%A9", "%C2%B2", "%D9%A3"),
    *("..%2F..%2Fetc%2Fpasswd", "%2E%2E", "%", "%zz", "%25%30%30", "%0D%0Ax-evil:%201", "%20"),
    *("-1", "0", "1.5", "NaN", "1e999", "9" * 30, "9" * 5_000, "latest", "null", "*", ";", "'--"),
    *("x" * 300, "x" * 66_000, ASSET, ASSET.upper(), f"{ASSET}%0A", "asset-events:0:1", "cats"),
    *("image-jobs.dead-letters:0:999999999999999999", "image-jobs.dead-letters:9:0", "w_1,h_1"),
    *("w_" + "9" * 400, "fit_cover,w_1,h_1,g_fp_0._1", "w_%D9%A3", "thumb.webp", "_"),
)
MOMENTS = (
    *("0001-01-01", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00-14:00", "9999-12-31"),
    *("9999-12-31T23:59:59.999999-14:00", "9999-12-31T23:59:59.999999+14:00", "1969-12-31"),
    *("2026-11-23T09:30:00+23:59", "2026-02-30", "2026-W01-1", "20261123", "0000-00-00"),
)
WORDS = (
    *MOMENTS,
    *("", " ", "\0", "\ufe0f", "\u202e", "\uffff", "🂡", "²", "٣", "-1", "0", "1", "1.5", "NaN"),
    *("Infinity", "-0", "1e999", "9223372036854775807", "9223372036854775808", "9" * 5_000, "true"),
    *("desc", "'; DROP TABLE assets; --", "../../etc/passwd", "%", "%00", "x" * 600, "x" * 5_000),
    *("a" * 43, "AAAA", "====", "_-_-", "YXNzZXQtZXZlbnRzOjM6MTc", "é", "💩" * 100),
)
POSITIONS = tuple(
    spelt
    for said in (
        *("asset-events:0:-1", "asset-events:-1:0", f"asset-events:{9**40}:0", "asset-events:0"),
        *(f"asset-events:0:{'9' * 5_000}", f"asset-events:0:{2**63}", "nowhere:0:0", ":::", ""),
        *("asset-events:٣:0", "asset-events:0x1:0", "asset-events:1e3:0", "asset-events: 0 : 0"),
        *("asset-events\0:0:0", "asset-events:0:0:0", "category-events:12:0", "\ud7ff:0:0"),
    )
    for spelt in [urlsafe_b64encode(said.encode()).decode().rstrip("=")]
)
HEADERS: Mapping[str, tuple[str, ...]] = {
    "ScaleHoster-Position": (*POSITIONS, "é", "=", "A", "x" * 5_000, ",".join(["AAAA"] * 17)),
    "Prefer": ("wait=-1", "wait=1e9", "wait=" + "9" * 5_000, "wait=²", "respond-async;;,=", "é"),
    "If-Match": ('"0"', '"-1"', '"' + "9" * 19 + '"', '"' + "9" * 5_000 + '"', "W/", "é", '"٣"'),
    "If-None-Match": ('"' * 999, "W/" * 999, ",,,", "é", "*"),
    "If-Modified-Since": ("yesterday", "Thu, 01 Jan 9999 99:99:99 GMT", "é"),
    "If-Range": ("é", '"'),
    "Range": (
        "bytes=-",
        "bytes=" + "9" * 5_000 + "-",
        "bytes=-0",
        "bytes=0-0,1-1",
        "bytes=٣-",
        "é",
    ),
    "Last-Event-ID": ("é", "AAAA", "=", "x" * 600, "\x7f", "💩"),
    "Idempotency-Key": ("", '"', '"\\"', "é", "x" * 256, '"a"b', "\x7f", "\\" * 99),
    "Accept": ("*/*;q=NaN", ";;;", "image/webp;q=1e999", "é", "image/*;q=" + "9" * 999),
    "Content-Length": ("9" * 5_000, "-1", "é", "1e3", "0x10", "²"),
    "Content-Type": (
        *("", ";", "application/json; charset=utf-16", "application/json;;;", "text/html", "é/é"),
        *(
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=é",
        ),
        "multipart/form-data; boundary=" + "x" * 500,
    ),
    "X-Request-Id": ("é", "\n", "x" * 500, "../.."),
    "Authorization": ("Bearer", "Bearer ", "Bearer é", "Basic !!!", "Bearer " + "x" * 9_000),
    "Host": ("", "é", "a b", "[::1", "x" * 300),
    "Origin": ("null", "é"),
    "Transfer-Encoding": ("chunked, chunked", "é"),
    "Cookie": ("=;=;", "é"),
}
VALUES: tuple[str, ...] = (  # JSON as it is written
    *("null", "true", "0", "-1", "1.5", "-0.0", "1e999", "-1e999", "NaN", "Infinity", "-Infinity"),
    *("9" * 25, "9" * 5_000, "1" + "0" * 400 + ".0", '""', '" "', "[]", "{}", "[null]", '[""]'),
    *(r'"\u0000"', r'"\ud800"', r'"\udc00\ud800"', '"\ufe0f"', '"\u202e"', r'"￿"', '"\U000e0100"'),
    *('"' + "x" * 3_000 + '"', '"' + "💩" * 3_000 + '"', '["' + '","'.join("abc") + '"]'),
    *("[" * 150 + "]" * 150, "[" * 1_000 + "]" * 1_000, '{"a":' * 300 + "1" + "}" * 300),
    *("[" + ",".join("0" * 3_000) + "]", '{"a":1,"a":2}', '{"": {"\\u0000": "\\u0000"}}'),
    *(json.dumps(moment) for moment in MOMENTS),
    *(
        json.dumps(url)
        for url in (
            *("http://☃\ufe0f.example/", "https://xn--a.example/", "https://a\u200d.example/"),
            *("https://\u3164.example/", "https://\u0301a.example/", "https://example.com:0/"),
            *("https://" + "a." * 130 + "com/", "https://" + "ü" * 63 + ".example/", "https://"),
            *("https://ß.example/\0", "https://[::ffff:7f00:1]/", "http://1.1", "data:,x"),
        )
    ),
)
RAW: tuple[bytes, ...] = (
    *(b"", b" ", b"{", b"[", b"null", b"true", b'""', b"{}", b"[]", b"{]", b'{"a"}', b"\0", b"0"),
    *(b"\xff\xfe", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b'{"a": "\xed\xa0\x80"}', b"\xc3("),
    *(b"[" * 50_000, b"{" * 50_000, b"9" * 50_000, b'"' + b"\\" * 9_999, b"nul", b"--x--\r\n"),
    b'{"title": "a", "title": "b"}',
)
FORM = b"multipart/form-data; boundary=x"
_FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\nbytes\r\n'
_FIELD = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n%b\r\n%b\r\n'
_GOOD = _FILE % b"cat.jpg" + _FIELD % (b"category", b"", b"cats")
FORMS: tuple[bytes, ...] = (
    *(b"", b"--x", b"--x--", b"--x\r\n\r\n--x--", b"--y\r\n\r\n", b"\r\n" * 99, _FILE % b"a"),
    *(_FILE % name + b"--x--" for name in (b"", b"\0", b"../../x", b"\xff", b"%00", b"x" * 5_000)),
    *(_GOOD + _FIELD % (b"metadata", b"", text) + b"--x--" for text in (b"NaN", b'{"a": NaN}')),
    *(
        _GOOD + _FIELD % (b"metadata", b"", b'{"a":' * depth + b"1" + b"}" * depth) + b"--x--"
        for depth in (10, 150, 300, 600, 900, 980, 1_000, 5_000)
    ),
    _GOOD + _FIELD % (b"metadata", b"", b"9" * 5_000) + b"--x--",
    _GOOD + _FIELD % (b"metadata", b"", b'{"a": "\\ud800"}') + b"--x--",
    *(_GOOD + _FIELD % (b"focal_point", b"", text) + b"--x--" for text in (b"1e999", b"[", b"{}")),
    *(
        _GOOD + _FIELD % (name, b"", b"\xff\0") + b"--x--"
        for name in (b"", b"\xff", b"title", b"x")
    ),
    *(
        _GOOD
        + _FIELD % (b"title", b"Content-Type: text/plain; charset=" + c + b"\r\n", b"\xff")
        + b"--x--"
        for c in (b"undefined", b"idna", b"hex", b"utf-7", b"unicode_escape", b"\xff", b"x" * 999)
    ),
    _GOOD + (_FIELD % (b"tags", b"", b"a")) * 300 + b"--x--",
    _GOOD + _FILE % b"a" + b"--x--",
    b"--x\r\nContent-Disposition: form-data; name*=utf-8''%ff; filename*=x\r\n\r\na\r\n--x--",
    b"--x\r\n" + b"a: b\r\n" * 999 + b"\r\n\r\n--x--",
)
FORM_CHARSETS = (b"undefined", b"idna", b"punycode", b"utf-16", b"hex", b"nonsense", b"\xff")
LINES: tuple[tuple[bytes, bytes], ...] = tuple(
    (kind, body)
    for kind, bodies in {
        b"application/x-ndjson": (b"\0\n{}\n\xff\n", b"[" * 9_999, b"9" * 5_000, b"\n" * 999),
        b"application/json": (
            b"[9" + b"9" * 5_000 + b"]",
            b"[" * 9_999,
            b"[NaN,{}]",
            b'["\\ud800"]',
        ),
        b"text/csv": (
            b"download_url,category\n\xff,\xff\n\0,\0\n",
            b'download_url,category\n"a,b\n',
            b"download_url,focal_point\nhttps://example.com/a.jpg,nan;1e999\n",
            b"download_url,download_url\n",
            b"\0\n",
        ),
    }.items()
    for body in bodies
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; ``target`` is what stands in its first line."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    def scope(self, authorization: str) -> dict[str, Any]:
        """Spell it as a server hands it to an application."""
        path, _, query = self.target.partition("?")
        names = {name.lower() for name, _ in self.headers}
        always = {b"authorization": authorization.encode(), b"host": b"example"}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": self.method.upper(),
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [
                *((name, value) for name, value in always.items() if name not in names),
                *((name.lower(), value) for name, value in self.headers),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }


def requests_to(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[Request]:
    """Think up requests to one operation of an OpenAPI description."""
    parameters = operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {})
    usual = _with(path, ASSET if "asset" in path else "cats")
    in_path = [each["name"] for each in parameters if each["in"] == "path"]
    body = json.dumps(BODIES.get(path, {})).encode() if content else b""
    kind = next(iter(content), "application/json").encode()
    json_headers = ((b"content-type", kind),) if content else ()
    for segment in SEGMENTS if in_path else ():
        yield Request(method=method, target=_with(path, segment), headers=json_headers, body=body)
    for name in [each["name"] for each in parameters if each["in"] == "query"] + ["odd"]:
        for word in WORDS if name != "odd" else WORDS[:1]:
            yield Request(method=method, target=f"{usual}?{name}={quote(word)}")
    for query in ("%", "=", "&&&", "a=%ff%fe", "limit=1&limit=2", "%00=%00", "x" * 5_000, "a[]=1"):
        yield Request(method=method, target=f"{usual}?{query}", headers=json_headers, body=body)
    for name, values in HEADERS.items():
        for value in values:
            others = tuple(each for each in json_headers if name != "Content-Type")
            header = (name.encode(), value.encode("utf-8"))
            yield Request(method=method, target=usual, headers=(*others, header), body=body)
    if content:
        yield from _bodies(path, method, usual, kind, content)
    yield Request(method="TRACE", target=usual)
    yield Request(method="\u00e9", target=usual)


def _bodies(
    path: str, method: str, target: str, kind: bytes, content: Mapping[str, Any]
) -> Iterator[Request]:
    headers = ((b"content-type", kind),)
    for raw in RAW:
        yield Request(method=method, target=target, headers=headers, body=raw)
    good = BODIES.get(path, {})
    for name in good:
        for value in VALUES:
            spelt = {**{key: json.dumps(each) for key, each in good.items()}, name: value}
            text = ",".join(f"{json.dumps(key)}:{each}" for key, each in spelt.items())
            body = f"{{{text}}}".encode("utf-8", "surrogatepass")
            yield Request(method=method, target=target, headers=headers, body=body)
    if "download_url" in good:
        for value in VALUES:
            text = json.dumps(good)[:-1] + f', "metadata": {{"a": {value}}}}}'
            yield Request(method=method, target=target, headers=headers, body=text.encode())
    if "multipart/form-data" in content:
        for form in FORMS:
            yield Request(
                method=method, target=target, headers=((b"content-type", FORM),), body=form
            )
        for charset in FORM_CHARSETS:
            named = FORM + b"; charset=" + charset
            form = _GOOD + _FIELD % (b"title", b"", b"\xff\xfe") + b"--x--"
            yield Request(
                method=method, target=target, headers=((b"content-type", named),), body=form
            )
    if "text/csv" in content:
        for media_type, lines in LINES:
            yield Request(
                method=method, target=target, headers=((b"content-type", media_type),), body=lines
            )


def _with(path: str, segment: str) -> str:
    """Put a segment in place of every parameter of a path."""
    return "/".join(segment if part.startswith("{") else part for part in path.split("/"))
