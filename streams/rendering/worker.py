"""The process that decodes: a warm spawner that forks one confined child for each picture.

A fresh child costs 5-10 ms of processor time, some 2 % of a photograph's, and leaves nothing
behind: no memory it lost, no state it broke, no limit half used up. The spawner itself reads
lengths and copies bytes; it never looks into a picture, so it outlives every child. Run as
``python -m`` by Spawner; frames come on standard input and leave on standard output.
"""

import gc
import os
import select
import signal
import sys
from typing import BinaryIO, Final

from PIL import (  # noqa: F401 - a confined child can open no file, so all it needs comes first
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from pillow_heif import HeifImagePlugin  # noqa: F401 - the same

from streams.rendering.confinement import confine, die_with_parent
from streams.rendering.encoding import encode as encode_picture
from streams.rendering.failures import RenderFailed
from streams.rendering.limits import RenderLimits
from streams.rendering.messages import LENGTH, READY, Failure, Order, Reply, decode_order, encode
from streams.rendering.pipeline import render
from streams.rendering.presets import PHOTO
from streams.rendering.sniffing import is_heic

_STANDARD_STREAMS: Final = (0, 1, 2)


def main() -> None:
    """Work until standard input ends."""
    die_with_parent()
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    nowhere = os.open(os.devnull, os.O_RDWR)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a child may start no thread; jobs use the cores
    _warm_up()
    _write(outgoing, READY)
    while (frame := _read(incoming)) is not None:
        source = _read(incoming)
        if source is None:
            return
        _write(outgoing, _in_a_child(decode_order(frame), source, nowhere))


def _warm_up() -> None:
    """Render once, so that no child pays for what the first use builds; then share it all."""
    picture = encode_picture(Image.new("RGBA", (64, 48), "teal"), "image/webp", 80)
    render(picture, PHOTO, RenderLimits())  # that with most fits and gravities
    gc.collect()
    gc.freeze()


def _in_a_child(order: Order, source: bytes, nowhere: int) -> bytes:
    """Fork, let the child write its reply to a file in memory, and vouch for how it ended."""
    result = os.memfd_create("reply")
    try:
        child = os.fork()
        if child == 0:
            _work_and_exit(order, source, result, nowhere)
        ended = _ended_within(child, order.limits.wall_seconds)
        if not ended:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if failure := _failure(os.waitstatus_to_exitcode(status), ended=ended):
            return encode(Reply(failure=failure))
        return os.pread(result, os.fstat(result).st_size, 0)
    finally:
        os.close(result)


def _work_and_exit(order: Order, source: bytes, result: int, nowhere: int) -> None:
    """Do the job in this child; whatever happens, never return into the spawner's loop."""
    status = 1
    try:
        for stream in _STANDARD_STREAMS:
            os.dup2(nowhere, stream)  # the sandbox's pipe is not for us
        os.close(nowhere)
        has_threads = confine(order.limits)
        reply = memoryview(encode(_reply(order, source, has_threads=has_threads)))
        while reply:
            reply = reply[os.write(result, reply) :]
        status = 0
    finally:
        os._exit(status)


def _reply(order: Order, source: bytes, *, has_threads: bool) -> Reply:
    if is_heic(source) and not has_threads:
        detail = "HEIC cannot be decoded safely on this machine"
        return Reply(failure=Failure(code="unsupported_format", detail=detail))
    try:
        return Reply(rendered=render(source, order.preset, order.limits))
    except RenderFailed as refused:
        return Reply(failure=Failure(code=refused.code, detail=refused.detail))
    except MemoryError:
        return Reply(failure=Failure(code="corrupt_image", detail="needs too much memory"))


def _ended_within(child: int, seconds: float) -> bool:
    watch = os.pidfd_open(child)
    try:
        return bool(select.select([watch], [], [], seconds)[0])
    finally:
        os.close(watch)


def _failure(exit_code: int, *, ended: bool) -> Failure | None:
    """Judge a child's end: zero is well; a signal is minus its number."""
    if exit_code == 0:
        return None
    if not ended or exit_code == -signal.SIGXCPU:
        return Failure(code="decoder_timeout", detail="decoding took too long")
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return Failure(code="decoder_crashed", detail=f"the decoder was ended by {name}")
    return Failure(code="decoder_crashed", detail=f"the decoder gave up with status {exit_code}")


def _read(stream: BinaryIO) -> bytes | None:
    """Read one frame, or None at the end."""
    header = stream.read(LENGTH.size)
    if len(header) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(header)
    body = stream.read(length)
    return body if len(body) == length else None


def _write(stream: BinaryIO, frame: bytes) -> None:
    stream.write(LENGTH.pack(len(frame)))
    stream.write(frame)
    stream.flush()


if __name__ == "__main__":
    main()
