"""Where the kernel filters no system calls: production refuses to decode, others say so."""

import pytest

from infra.errors import SettingsWrong
from streams.rendering import check_filter


@pytest.fixture
def no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.rendering.sandbox.syscall_filter.is_available", lambda: False)


@pytest.mark.usefixtures("no_filter")
def test_production_decodes_nothing_without_a_filter() -> None:
    with pytest.raises(SettingsWrong, match="seccomp"):
        check_filter(is_required=True)


@pytest.mark.usefixtures("no_filter")
def test_development_is_told(caplog: pytest.LogCaptureFixture) -> None:
    check_filter(is_required=False)
    assert "no seccomp" in caplog.text


@pytest.mark.parametrize("process", ["ingestion.worker", "rendering.on_demand"])
def test_every_process_that_decodes_asks(process: str) -> None:
    module = __import__(f"streams.{process}.__main__", fromlist=["check_filter"])
    assert module.check_filter is check_filter
