"""A decoder that pictures have captured: it answers as the picture it renders says.

Run as ``python -m tests.support.captured_decoder`` in place of the real one. Everything is real
but what a child answers: the honest reply, changed by the forgery that the source names behind its
picture.
"""

import struct
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from streams.rendering.sandbox import spawner_process
from streams.rendering.sandbox.protocol import SandboxReply, SandboxRequest

MARK = b"the decoder is captured: "
OTHERS_SHA256 = "ab" * 32
_JPEG_COMMENT = b"\xff\xfe\x00\x06evil"
_HTML = b"<html><script>alert(document.domain)</script></html>"

Answer = dict[str, Any]
Forgery = Callable[[Answer], Any]


def naming(picture: bytes, forgery: str) -> bytes:
    """Make a source that captures its decoder."""
    return picture + MARK + forgery.encode()


def _original(**changes: object) -> Forgery:
    return lambda answer: answer["rendered"]["original"].update(changes)


def _facts(**changes: object) -> Forgery:
    return lambda answer: answer["rendered"]["facts"].update(changes)


def _rendition(number: int = 0, **changes: object) -> Forgery:
    return lambda answer: answer["rendered"]["renditions"][number].update(changes)


def _data(change: Callable[[bytes], bytes], number: int = 0) -> Forgery:
    """Change a rendition's bytes and, as a captured decoder would, all that is said of them."""

    def forge(answer: Answer) -> None:
        made = answer["rendered"]["renditions"][number]
        made["data"] = change(made["data"])
        made["sha256"] = sha256(made["data"]).hexdigest()

    return forge


def _renditions(change: Callable[[list[Answer]], list[Answer]]) -> Forgery:
    def forge(answer: Answer) -> None:
        answer["rendered"]["renditions"] = change(answer["rendered"]["renditions"])

    return forge


def _with_chunk(kind: bytes, body: bytes) -> Callable[[bytes], bytes]:
    """Add a chunk to a WebP and say the right length of the whole."""

    def change(webp: bytes) -> bytes:
        grown = webp[12:] + kind + struct.pack("<I", len(body)) + body
        return b"RIFF" + struct.pack("<I", len(grown) + 4) + b"WEBP" + grown

    return change


FORGERIES: Mapping[str, Forgery] = {
    # whose bytes they are
    "another's original": _original(sha256=OTHERS_SHA256),
    "another's rendition": _rendition(sha256=OTHERS_SHA256),
    "a path for a digest": _original(sha256="../../" + "a" * 58),
    "a path for a rendition's digest": _rendition(sha256="../../" + "a" * 58),
    "a digest in capitals": _original(sha256="AB" * 32),
    # what the original is
    "another size": _original(size_bytes=1),
    "a negative size": _original(size_bytes=-1),
    "another media type": _original(media_type="image/jpeg"),
    "no picture's media type": _original(media_type="text/html"),
    "no width": _original(width=0),
    "a negative height": _original(height=-4),
    "too many pixels": _original(width=1 << 20, height=1 << 20),
    "a number that Avro cannot write": _original(width=1 << 63),
    "no frames": _original(frames=0),
    "too many frames": _original(frames=1 << 40),
    # what was made
    "no renditions": _renditions(lambda _: []),
    "a rendition less": _renditions(lambda made: made[:-1]),
    "a rendition twice": _renditions(lambda made: [*made, made[0]]),
    "another order": _renditions(lambda made: made[::-1]),
    "a great many renditions": _renditions(lambda made: [{**made[0], "data": b""}] * 300_000),
    "another name": _rendition(name="evil"),
    "another rendition's media type": _rendition(media_type="image/jpeg"),
    "a media type of scripts": _rendition(media_type="text/html"),
    "a larger rendition": _rendition(width=5000),
    "a smaller rendition": _rendition(width=1),
    "a rendition without height": _rendition(height=0),
    # what it is made of
    "no bytes": _data(lambda _: b""),
    "a page for a picture": _data(lambda _: _HTML),
    "a page behind a WebP": _data(lambda webp: webp + _HTML),
    "a page in a WebP": _data(_with_chunk(b"evil", _HTML)),
    "where it was taken, in a WebP": _data(_with_chunk(b"XMP ", b"<x:xmpmeta/>" * 2)),
    "EXIF in a WebP": _data(_with_chunk(b"EXIF", b"MM\0*\0\0\0\x08\0\0")),
    "half a WebP": _data(lambda webp: webp[: len(webp) // 2]),
    "a WebP whose length lies": _data(lambda webp: webp[:4] + b"\xff\xff\xff\xff" + webp[8:]),
    "a JPEG for a WebP": lambda answer: answer["rendered"]["renditions"][0].update(
        data=answer["rendered"]["renditions"][2]["data"],
        sha256=answer["rendered"]["renditions"][2]["sha256"],
    ),
    "a thumbnail for a large one": lambda answer: answer["rendered"]["renditions"][0].update(
        data=answer["rendered"]["renditions"][3]["data"],
        sha256=answer["rendered"]["renditions"][3]["sha256"],
    ),
    "a page behind a JPEG": _data(lambda jpeg: jpeg + _HTML, 2),
    "a comment in a JPEG": _data(lambda jpeg: jpeg[:2] + _JPEG_COMMENT + jpeg[2:], 2),
    "half a JPEG": _data(lambda jpeg: jpeg[: len(jpeg) // 2], 2),
    "a JPEG of markers alone": _data(lambda _: b"\xff\xd8\xff\xd9", 2),
    # what the picture tells
    "no facts": lambda answer: answer["rendered"].update(facts=None),
    "a place in the EXIF": _facts(exif={"gps": "52.5,13.4"}),
    "a script in the EXIF": _facts(exif={"iso": "<script>"}),
    "a long number in the EXIF": _facts(exif={"iso": "1" * 100_000}),
    "a moment without a zone": _facts(captured_at="2026-01-01T00:00:00"),
    "a moment before the calendar": _facts(captured_at="0001-01-01T00:00:00+14:00"),
    "a camera that rings": _facts(camera="\x07Evil"),
    "a camera that never ends": _facts(camera="E" * 100_000),
    "no colours": _facts(dominant_colours=[]),
    "a colour that is a style": _facts(dominant_colours=["red;background:url(//evil)"]),
    "a million colours": _facts(dominant_colours=["#000000"] * 1_000_000),
    "a thumbhash of markup": _facts(thumbhash='"><script>'),
    "a perceptual hash of another length": _facts(perceptual_hash="00"),
    # no answer at all
    "both": lambda answer: answer.update(failure={"code": "corrupt_image", "detail": "both"}),
    "neither": lambda answer: answer.update(rendered=None),
    "a failure of ours": lambda answer: answer.update(
        rendered=None, failure={"code": "blocked_address", "detail": "10.0.0.1 answered"}
    ),
    "a failure that nobody knows": lambda answer: answer.update(
        rendered=None, failure={"code": "evil", "detail": ""}
    ),
    "nothing of the kind": lambda answer: answer.update(rendered=["evil"]),
}


_true_reply = spawner_process._reply  # noqa: SLF001 - what is replaced


def _captured(request: SandboxRequest, source: bytes, *, has_threads: bool) -> Any:  # noqa: ANN401 - forged
    reply: SandboxReply = _true_reply(request, source, has_threads=has_threads)
    _, mark, forgery = source.rpartition(MARK)
    if not mark:
        return reply
    answer: Answer = msgspec.to_builtins(reply, builtin_types=(bytes,))
    FORGERIES[forgery.decode()](answer)
    return answer


if __name__ == "__main__":
    spawner_process._reply = _captured  # noqa: SLF001 - this decoder is captured
    spawner_process.main()
