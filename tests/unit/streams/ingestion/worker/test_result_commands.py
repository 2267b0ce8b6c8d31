import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from domain.values import BlobKey
from streams.ingestion.worker.result_commands import BlobLocations, publish_command
from tests.support.fakes.stream_fakes import FakeSandbox
from tests.support.presets import PRESETS
from tests.support.samples import NOON
from tests.support.stream_samples import JOB

PLACES = BlobLocations(
    folder=BlobKey("assets/acme/cat/run-1/0"), original=BlobKey("assets/acme/cat/run-1/0/a")
)


def test_nothing_is_published_of_which_nothing_was_found_out(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"picture")
    preset = PRESETS["default"]
    rendered = asyncio.run(FakeSandbox().render(source, preset))
    with pytest.raises(ValueError, match="no facts"):
        publish_command(JOB, preset, replace(rendered, facts=None), PLACES, None, NOON)
