"""Processes begin only with what they need, and go on through trouble with the broker."""

import asyncio
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from infra.errors import BrokerUnavailable, SettingsWrong
from infra.settings import Settings
from streams.runtime.process import ProcessStep, repeat_steps, run_process


@pytest.fixture
def done() -> Counter:
    return Counter("done", "Records seen to", ["kind"], registry=CollectorRegistry())


def counted(done: Counter, kind: str) -> float:
    (metric,) = done.collect()
    return sum(
        each.value
        for each in metric.samples
        if each.name == "done_total" and each.labels == {"kind": kind}
    )


def taking(outcomes: Iterator[int | Exception], stopping: asyncio.Event) -> ProcessStep:
    """A step with these outcomes, one after the other; then it is told to stop."""

    async def step() -> int:
        outcome = next(outcomes, None)
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None:
            stopping.set()
        return outcome or 0

    return step


def test_what_the_broker_interrupts_is_taken_again(
    done: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.runtime.process._PAUSE_SECONDS", 0.0)

    async def story() -> None:
        stopping = asyncio.Event()
        step = taking(iter([2, BrokerUnavailable("away"), 3]), stopping)
        await repeat_steps([("events", step)], done, stopping)

    asyncio.run(story())
    assert counted(done, "events") == 5


def test_what_is_wrong_in_a_step_ends_all(done: Counter) -> None:
    async def story() -> None:
        stopping = asyncio.Event()

        async def waiting() -> int:
            await stopping.wait()
            return 0

        broken = taking(iter([ZeroDivisionError()]), stopping)
        await repeat_steps([("broken", broken), ("waiting", waiting)], done, stopping)

    with pytest.raises(ExceptionGroup) as error:
        asyncio.run(story())
    assert error.group_contains(ZeroDivisionError)


async def three(_: Settings) -> int:
    return 3


def test_a_process_ends_as_its_work_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.runtime.process.configure", lambda *_: None)
    assert run_process("worker", Settings, (), three) == 3


def test_wrong_settings_are_told_and_nothing_begins(capsys: pytest.CaptureFixture[str]) -> None:
    def wrong() -> Settings:
        raise SettingsWrong("images.max_source_bytes: should be greater than 0")

    assert run_process("worker", wrong, (), three) == 1
    assert capsys.readouterr().err == "worker: images.max_source_bytes: should be greater than 0\n"
