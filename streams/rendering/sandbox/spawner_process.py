"""The spawner process: warm, it forks one confined child for each picture.

A fresh child costs 5-10 ms of processor time, some 2 % of a photograph's, and leaves nothing
behind: no memory it lost, no state it broke, no limit half used up. The spawner itself never holds
a byte of a picture, for whatever lay in its memory would be in that of every later child: it hands
over two open files, the source's and the reply's, and says how the child ended. Run as
``python -m`` by Spawner; standard input is a socket, on which orders come and verdicts leave.
"""

import gc
import os
import select
import signal
import socket
import sys
from typing import Final

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

from streams.rendering.formats.encoding import encode as encode_picture
from streams.rendering.formats.sniffing import is_heic
from streams.rendering.pipeline import render
from streams.rendering.presets import PHOTO
from streams.rendering.render_failure import RenderFailed
from streams.rendering.render_limits import RenderLimits
from streams.rendering.sandbox.confinement import confine, die_with_parent
from streams.rendering.sandbox.job_files import read_whole
from streams.rendering.sandbox.protocol import (
    LENGTH,
    READY,
    ReportedFailure,
    SandboxReply,
    SandboxRequest,
    Verdict,
    decode_request,
    encode,
)

_STANDARD_STREAMS: Final = (0, 1, 2)


def main() -> None:
    """Work until the service closes its end of the socket."""
    die_with_parent()
    nowhere = os.open(os.devnull, os.O_RDWR)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a child may start no thread; jobs use the cores
    _warm_up()
    with socket.socket(fileno=sys.stdin.fileno()) as service:
        _write(service, READY)
        while (job := _next_job(service)) is not None:
            request, source, reply = job
            try:
                verdict = _in_a_child(request, source, reply, nowhere)
            finally:
                os.close(source)
                os.close(reply)
            _write(service, encode(verdict))


def _warm_up() -> None:
    """Render once, so that no child pays for what the first use builds; then share it all."""
    picture = encode_picture(Image.new("RGBA", (64, 48), "teal"), "image/webp", 80)
    render(picture, PHOTO, RenderLimits())  # that with most fits and gravities
    gc.collect()
    gc.freeze()


def _in_a_child(request: SandboxRequest, source: int, reply: int, nowhere: int) -> Verdict:
    """Fork, let the child fill the reply, and vouch for how it ended."""
    child = os.fork()
    if child == 0:
        _work_and_exit(request, source, reply, nowhere)
    ended = _ended_within(child, request.limits.wall_seconds)
    if not ended:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return Verdict(failure=_failure(os.waitstatus_to_exitcode(status), ended=ended))


def _work_and_exit(request: SandboxRequest, source: int, reply: int, nowhere: int) -> None:
    """Do the job in this child; whatever happens, never return into the spawner's loop."""
    status = 1
    try:
        for stream in _STANDARD_STREAMS:
            os.dup2(nowhere, stream)  # the service's socket is not for us
        os.close(nowhere)
        picture = read_whole(source, request.limits.max_source_bytes + 1)
        os.close(source)
        has_threads = confine(request.limits)
        answer = memoryview(encode(_reply(request, picture, has_threads=has_threads)))
        while answer:
            answer = answer[os.write(reply, answer) :]
        status = 0
    finally:
        os._exit(status)


def _reply(request: SandboxRequest, source: bytes, *, has_threads: bool) -> SandboxReply:
    if is_heic(source) and not has_threads:
        detail = "HEIC cannot be decoded safely on this machine"
        return SandboxReply(failure=ReportedFailure(code="unsupported_format", detail=detail))
    try:
        return SandboxReply(rendered=render(source, request.preset, request.limits))
    except RenderFailed as refused:
        return SandboxReply(failure=ReportedFailure(code=refused.code, detail=refused.detail))
    except MemoryError:
        return SandboxReply(
            failure=ReportedFailure(code="corrupt_image", detail="needs too much memory")
        )


def _ended_within(child: int, seconds: float) -> bool:
    watch = os.pidfd_open(child)
    try:
        return bool(select.select([watch], [], [], seconds)[0])
    finally:
        os.close(watch)


def _failure(exit_code: int, *, ended: bool) -> ReportedFailure | None:
    """Judge a child's end: zero is well; a signal is minus its number."""
    if exit_code == 0:
        return None
    if not ended or exit_code == -signal.SIGXCPU:
        return ReportedFailure(code="decoder_timeout", detail="decoding took too long")
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return ReportedFailure(code="decoder_crashed", detail=f"the decoder was ended by {name}")
    return ReportedFailure(
        code="decoder_crashed", detail=f"the decoder gave up with status {exit_code}"
    )


def _next_job(service: socket.socket) -> tuple[SandboxRequest, int, int] | None:
    """Receive an order and the two files that come with its length; None at the end."""
    header, files, _, _ = socket.recv_fds(service, LENGTH.size, 2)
    if len(header) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(header)
    request = bytearray(length)
    rest = memoryview(request)
    while rest:
        count = service.recv_into(rest)
        if not count:
            return None
        rest = rest[count:]
    source, reply = files
    return decode_request(bytes(request)), source, reply


def _write(service: socket.socket, frame: bytes) -> None:
    service.sendall(LENGTH.pack(len(frame)) + frame)


if __name__ == "__main__":
    main()
