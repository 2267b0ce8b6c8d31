"""The process pool, with real processes: confined, bounded, and never the worse for a bad job."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from streams.rendering import (
    Preset,
    RenderFailed,
    RenderLimits,
    RenderResult,
    Sandbox,
    decoders_are_filtered,
)
from streams.rendering.pipeline import render
from streams.rendering.presets import presets
from tests.support.eventually import eventually
from tests.support.pictures import encoded, heic, wheel
from tests.support.presets import PRESETS

ROOT = Path(__file__).parents[5]
DEFAULT = PRESETS["default"]
GOOD = encoded(wheel(), "PNG")
HEIC = heic(wheel())
SLOW = encoded(Image.effect_mandelbrot((4000, 3000), (-2, -1, 1, 1), 3).convert("RGB"), "PNG")

filtered = pytest.mark.skipif(
    not decoders_are_filtered(), reason="this kernel has no seccomp; the worker says so as well"
)


def _with_sandbox(
    use: Callable[[Sandbox], Awaitable[None]], limits: RenderLimits | None = None
) -> None:
    async def run() -> None:
        async with Sandbox(processes=1, limits=limits) as sandbox:
            await use(sandbox)

    asyncio.run(run())


async def _code(job: Awaitable[RenderResult]) -> str:
    with pytest.raises(RenderFailed) as caught:
        await job
    return caught.value.code


async def _seen(probe: Callable[[], int | None]) -> int:
    """Wait, without holding up the loop, until the probe finds a process."""
    async with asyncio.timeout(20):
        while (pid := probe()) is None:  # noqa: ASYNC110 - /proc announces nothing
            await asyncio.sleep(0.002)
        return pid


def _child_of(pid: int) -> int | None:
    children = (
        child
        for tasks in Path(f"/proc/{pid}/task").glob("*/children")
        for child in tasks.read_text().split()
    )
    return next(map(int, children), None)


_spawner = partial(_child_of, os.getpid())


def _decoder() -> int | None:
    spawner = _spawner()
    return None if spawner is None else _child_of(spawner)


def test_a_picture_comes_out_as_it_would_without_the_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(GOOD)

    async def use(sandbox: Sandbox) -> None:
        expected = render(GOOD, DEFAULT, RenderLimits())
        assert await sandbox.render(GOOD, DEFAULT) == expected
        assert await sandbox.render(path, DEFAULT) == expected

    _with_sandbox(use)


def test_every_format_is_decoded_by_a_process_that_can_open_no_file() -> None:
    async def use(sandbox: Sandbox) -> None:
        for kind in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "MPO"):
            assert (await sandbox.render(encoded(wheel(), kind), DEFAULT)).original.width == 96

    _with_sandbox(use)


@filtered
@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_heic_is_decoded_there_too_by_its_thread(preset: Preset) -> None:
    async def use(sandbox: Sandbox) -> None:
        expected = render(HEIC, preset, RenderLimits())
        assert await sandbox.render(HEIC, preset) == expected

    _with_sandbox(use)


def test_a_refusal_keeps_its_code_and_its_words() -> None:
    async def use(sandbox: Sandbox) -> None:
        with pytest.raises(RenderFailed, match="SVG is not accepted") as caught:
            await sandbox.render(b"<svg/>", DEFAULT)
        assert caught.value.code == "unsupported_format"
        assert not caught.value.is_transient

    _with_sandbox(use)


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)

    async def use(sandbox: Sandbox) -> None:
        assert await _code(sandbox.render(path, DEFAULT)) == "too_large"

    _with_sandbox(use, RenderLimits(max_source_bytes=1000))


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (RenderLimits(wall_seconds=0.02), "decoder_timeout"),
        (RenderLimits(max_memory_bytes=200 << 20), "corrupt_image"),
    ],
    ids=["wall time", "memory"],
)
def test_a_picture_that_costs_too_much_is_stopped(limits: RenderLimits, code: str) -> None:
    async def use(sandbox: Sandbox) -> None:
        assert await _code(sandbox.render(SLOW, DEFAULT)) == code

    _with_sandbox(use, limits)


def test_a_decoder_that_burns_its_processor_time_is_a_timeout() -> None:
    """SIGXCPU is what the kernel sends then."""

    async def use(sandbox: Sandbox) -> None:
        job = asyncio.create_task(sandbox.render(SLOW, DEFAULT))
        os.kill(await _seen(_decoder), signal.SIGXCPU)
        assert await _code(job) == "decoder_timeout"

    _with_sandbox(use)


@pytest.mark.parametrize("end", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_harms_neither_the_jobs_that_wait_nor_the_spawner(end: signal.Signals) -> None:
    async def use(sandbox: Sandbox) -> None:
        await sandbox.render(GOOD, DEFAULT)
        spawner = _spawner()
        doomed = asyncio.create_task(sandbox.render(SLOW, DEFAULT))
        waiting = [asyncio.create_task(sandbox.render(GOOD, DEFAULT)) for _ in range(3)]
        os.kill(await _seen(_decoder), end)
        assert await _code(doomed) == "decoder_crashed"
        assert len({(await job).original.sha256 for job in waiting}) == 1
        assert _spawner() == spawner

    _with_sandbox(use)


def test_a_dead_spawner_is_replaced() -> None:
    async def use(sandbox: Sandbox) -> None:
        doomed = asyncio.create_task(sandbox.render(SLOW, DEFAULT))
        await _seen(_decoder)
        os.kill(await _seen(_spawner), signal.SIGKILL)
        assert await _code(doomed) == "decoder_crashed"
        assert (await sandbox.render(GOOD, DEFAULT)).original.width == 96

    _with_sandbox(use)


def test_a_cancelled_job_stops_at_once_and_the_next_one_gets_its_own_answer() -> None:
    async def use(sandbox: Sandbox) -> None:
        job = asyncio.create_task(sandbox.render(SLOW, DEFAULT))
        decoder = await _seen(_decoder)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        await _seen(lambda: None if _is_running(decoder) else 1)
        assert (await sandbox.render(GOOD, DEFAULT)).original.width == 96

    _with_sandbox(use)


def test_a_job_cancelled_while_it_waits_costs_no_process() -> None:
    async def use(sandbox: Sandbox) -> None:
        first = asyncio.create_task(sandbox.render(SLOW, DEFAULT))
        second = asyncio.create_task(sandbox.render(GOOD, DEFAULT))
        await _seen(_decoder)
        second.cancel()
        assert (await first).original.width == 4000
        assert (await sandbox.render(GOOD, DEFAULT)).original.width == 96

    _with_sandbox(use)


def test_leaving_kills_what_still_runs() -> None:
    seen: list[int] = []

    async def use(sandbox: Sandbox) -> None:
        job = asyncio.create_task(sandbox.render(SLOW, DEFAULT))
        seen.extend([await _seen(_decoder), await _seen(_spawner)])
        job.cancel()  # and leave before it has noticed

    _with_sandbox(use)
    assert eventually(lambda: not any(map(_is_running, seen)))


def test_a_mark_is_laid_on_by_a_process_that_can_open_no_file() -> None:
    preset = presets(encoded(Image.new("LA", (30, 20), (255, 128)), "PNG"))["proof"]

    async def use(sandbox: Sandbox) -> None:
        assert await sandbox.render(GOOD, preset) == render(GOOD, preset, RenderLimits())

    _with_sandbox(use)


def test_leaving_fails_the_jobs_that_are_not_done() -> None:
    jobs: list[asyncio.Task[RenderResult]] = []

    async def run() -> list[str]:
        async with Sandbox(processes=1) as sandbox:
            jobs.extend(asyncio.create_task(sandbox.render(SLOW, DEFAULT)) for _ in range(3))
            await _seen(_decoder)
        return [await _code(job) for job in jobs]

    assert asyncio.run(run()) == ["decoder_crashed"] * 3


def _is_running(pid: int) -> bool:
    """Tell whether a process still does anything; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_workers_die_with_the_service(tmp_path: Path) -> None:
    """A service that is killed can tidy nothing up, and a decoder may be stuck: the kernel does."""
    picture = tmp_path / "picture"
    picture.write_bytes(SLOW)
    service = textwrap.dedent(
        """
        import asyncio, sys
        from pathlib import Path
        from streams.rendering import Sandbox, deployed_presets

        async def main():
            async with Sandbox(processes=1) as sandbox:
                await sandbox.render(Path(sys.argv[1]), deployed_presets("")["default"])

        asyncio.run(main())
        """
    )
    command = [sys.executable, "-c", service, str(picture)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        worker = asyncio.run(_seen(lambda: _child_of(process.pid)))
        decoder = asyncio.run(_seen(lambda: _confined_child_of(worker)))
        os.kill(decoder, signal.SIGSTOP)  # stuck, for as long as nobody kills it
        process.kill()
    try:
        assert eventually(lambda: not any(map(_is_running, (worker, decoder))))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(decoder, signal.SIGKILL)


ESCAPES = {
    "read a file": "open('/etc/passwd')",
    "write a file": "open('canary', 'w')",
    "open a socket": "__import__('socket').socket()",
    "start a process": "os.fork() or os._exit(0)",
    "run a program": "os.execv('/bin/true', ['true'])",
    "raise a limit": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    "take much memory": "bytearray(2 << 30)",
    "become root": "os.setuid(0)",
}
ESCAPES_THAT_THE_FILTER_ENDS = {
    "open a socket": ESCAPES["open a socket"],
    "run a program": ESCAPES["run a program"],
    "signal another process": "os.kill(os.getppid(), 0)",
    "trace another process": "libc.ptrace(16, os.getppid(), 0, 0)",
    "read another's memory": "libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0)",
    "take a file from another": "libc.syscall(438, 3, 0, 0)",
    "ask by io_uring": "libc.syscall(425, 8, 0)",
    "mount something": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0)",
    "have a namespace of its own": "libc.unshare(0x10000000)",
}


def _confined(*attempts: str, is_filtered: bool = True) -> list[int]:
    """Try what an attacker would, each in a confined process of its own.

    7 says that it was refused, 0 that it went well; a signal is minus its number.
    """
    canary = textwrap.dedent(
        f"""
        import _thread, ctypes, json, mmap, os, resource, signal, socket, sys
        from streams.rendering.sandbox import syscall_filter
        from streams.rendering.sandbox.confinement import confine
        from streams.rendering.render_limits import RenderLimits

        libc = ctypes.CDLL(None, use_errno=True)
        if not {is_filtered}:
            syscall_filter.is_available = lambda: False

        def ended(attempt):
            child = os.fork()
            if child:
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            confine(RenderLimits(cpu_seconds=1))
            try:
                exec(attempt)
            except (OSError, MemoryError, RuntimeError, ValueError):
                os._exit(7)
            os._exit(0)

        print(json.dumps([ended(attempt) for attempt in json.loads(sys.argv[1])]))
        """
    )
    command = [sys.executable, "-c", canary, json.dumps(attempts)]
    done = subprocess.run(command, cwd=ROOT, check=True, timeout=60, stdout=subprocess.PIPE)
    ends: list[int] = json.loads(done.stdout)
    return ends


def test_a_captured_decoder_gets_nowhere() -> None:
    ends = dict(zip(ESCAPES, _confined(*ESCAPES.values()), strict=True))
    if os.geteuid() != 0:
        del ends["become root"]  # only root has anything to lose
    no_library_found = 127  # a program starts, but its loader can open nothing either
    assert set(ends.values()) <= {7, no_library_found, -signal.SIGSYS}, ends


def test_nor_does_it_where_the_kernel_has_no_filter() -> None:
    """Then it may start no thread either; HEIC, which needs one, is refused there."""
    attempts = ESCAPES | {"start a thread": "_thread.start_new_thread(print, ())"}
    ends = dict(
        zip(attempts, _confined(*attempts.values(), is_filtered=False), strict=True),
    )
    if os.geteuid() != 0:
        del ends["become root"]
    assert set(ends.values()) <= {7, 127}, ends


@filtered
def test_what_no_decoder_ever_asks_for_ends_it() -> None:
    ends = _confined(*ESCAPES_THAT_THE_FILTER_ENDS.values())
    assert dict(zip(ESCAPES_THAT_THE_FILTER_ENDS, ends, strict=True)) == dict.fromkeys(
        ESCAPES_THAT_THE_FILTER_ENDS, -signal.SIGSYS
    )


@filtered
def test_memory_that_was_written_is_never_run() -> None:
    run, read = (
        f"mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.{kind})"
        for kind in ("PROT_EXEC", "PROT_READ")
    )
    assert _confined(run, read) == [7, 0]


def test_a_decoder_that_gives_up_is_not_taken_for_one_that_broke_out() -> None:
    assert _confined("os.abort()") == [-signal.SIGABRT]


def test_a_decoder_that_never_ends_is_ended_by_the_signal_for_it() -> None:
    """Soft and hard limit alike would be SIGKILL, which says nothing."""
    assert _confined("while True: pass") == [-signal.SIGXCPU]


@filtered
def test_a_picture_that_breaks_out_is_judged_and_harms_no_other() -> None:
    """The spawner is ours but for one thing: its decoder obeys a picture that says "kill"."""
    spawner = textwrap.dedent(
        """
        import os, runpy, sys
        from streams.rendering import pipeline

        true_render = pipeline.render

        def captured(source, preset, limits):
            if source == b"kill":
                os.kill(os.getppid(), 9)
            return true_render(source, preset, limits)

        pipeline.render = captured
        runpy.run_module("streams.rendering.sandbox.spawner_process", run_name="__main__")
        """
    )

    async def use(sandbox: Sandbox) -> None:
        await sandbox.render(GOOD, DEFAULT)
        before = _spawner()
        with pytest.raises(RenderFailed, match="SIGSYS") as caught:
            await sandbox.render(b"kill", DEFAULT)
        assert caught.value.code == "decoder_crashed"
        assert (await sandbox.render(GOOD, DEFAULT)).original.width == 96
        assert _spawner() == before

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.rendering.sandbox.spawner._COMMAND", (sys.executable, "-c", spawner))
        _with_sandbox(use)


def _confined_child_of(pid: int) -> int | None:
    child = _child_of(pid)
    limits = Path(f"/proc/{child}/limits")
    return child if child and re.search(r"open files +0 ", limits.read_text()) else None


def _environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_the_workers_know_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEHOSTER_CANARY", "a secret")

    async def use(sandbox: Sandbox) -> None:
        await sandbox.render(GOOD, DEFAULT)
        assert b"SCALEHOSTER_CANARY" not in _environment(await _seen(_spawner))

    _with_sandbox(use)
