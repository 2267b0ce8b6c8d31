"""What a decoder answers is a claim: forged answers fail with a type, whatever they forge."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from streams.rendering import RenderFailed, RenderLimits, Sandbox
from streams.rendering.formats.encoded_picture import encoded_picture
from streams.rendering.pipeline import render
from tests.support.captured_decoder import FORGERIES, naming
from tests.support.pictures import encoded, wheel
from tests.support.presets import PRESETS

PICTURE = encoded(wheel().resize((320, 200)), "PNG")
DEFAULT = PRESETS["default"]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def captured(runner: asyncio.Runner) -> Iterator[Sandbox]:
    """A real sandbox, but for decoders that forge what the picture says."""
    with pytest.MonkeyPatch.context() as patch:
        command = (sys.executable, "-s", "-m", "tests.support.captured_decoder")
        patch.setattr("streams.rendering.sandbox.spawner._COMMAND", command)
        sandbox = Sandbox(processes=1)
        runner.run(sandbox.__aenter__())
        yield sandbox
        runner.run(sandbox.__aexit__(None, None, None))


def test_a_captured_decoder_may_still_tell_the_truth(
    runner: asyncio.Runner, captured: Sandbox
) -> None:
    rendered = runner.run(captured.render(PICTURE, DEFAULT))
    assert rendered == render(PICTURE, DEFAULT, RenderLimits())


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_answer_is_a_typed_failure(
    forgery: str, runner: asyncio.Runner, captured: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RenderFailed, match="does not fit the picture") as caught:
        runner.run(captured.render(naming(PICTURE, forgery), DEFAULT))
    assert caught.value.code == "decoder_crashed"
    assert "captured its decoder" in caplog.text


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_an_honest_answer_is_believed_in_every_format(
    preset: str, kind: str, runner: asyncio.Runner, captured: Sandbox
) -> None:
    picture = encoded(Image.new("RGB", (701, 433), "teal"), kind)
    assert runner.run(captured.render(picture, PRESETS[preset])).renditions


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9000), (3001, 1999), (2999, 1001)], ids=str)
def test_an_honest_answer_is_believed_in_every_size(
    size: tuple[int, int], kind: str, runner: asyncio.Runner, captured: Sandbox
) -> None:
    picture = encoded(Image.new("RGB", size, "teal"), kind)
    assert runner.run(captured.render(picture, PRESETS["product"])).renditions


def test_the_process_that_starts_decoders_never_holds_a_picture(
    runner: asyncio.Runner, captured: Sandbox
) -> None:
    """What lies in its memory lies in that of every later child, which is another tenant's."""
    secret = os.urandom(48)
    for _ in range(40):
        source = PICTURE + secret * 100  # 4.8 kB, as the source of which samples were found
        runner.run(captured.render(source, DEFAULT))
    spawner = captured._spawners[0]._process.pid  # noqa: SLF001 - whose memory it is
    assert _occurrences(spawner, b"PIL", at_most=1)  # so its memory was looked at
    assert not _occurrences(spawner, secret)


def _occurrences(pid: int, wanted: bytes, at_most: int = 1_000_000) -> int:
    """Count how often something lies in the memory of a process of ours."""
    found = 0
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            area = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if area and found < at_most:
                start, end = (int(number, 16) for number in area.groups())
                memory.seek(start)
                found += memory.read(end - start).count(wanted)
    return found


def test_a_picture_that_ends_anywhere_else_is_none() -> None:
    for made in render(PICTURE, DEFAULT, RenderLimits()).renditions[1:3]:
        assert encoded_picture(made.data).media_type == made.media_type
        for length in range(0, len(made.data), 7):
            with pytest.raises(ValueError, match=r"."):
                encoded_picture(made.data[:length])
