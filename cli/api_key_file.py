"""The API key that a command speaks with: out of a file, so that it stands in no process list."""

from pathlib import Path
from typing import Annotated

import typer

from domain.errors import ScaleHosterError
from infra.settings import Settings


class NoApiKey(ScaleHosterError):
    """There is no file with an API key where one was looked for."""


KeyFile = Annotated[
    Path | None, typer.Option(help="Holds the API key; default: the demo tenant's.")
]


def read_api_key(settings: Settings, key_file: Path | None) -> str:
    """Read the key of a file, or the demo tenant's; raises NoApiKey."""
    place = key_file or settings.data_dir / "demo-api-key"
    if not place.exists():
        raise NoApiKey(
            f"{place} holds no API key; make one with: scalehoster keys create --tenant NAME,"
            " put its text into a file, and name that with --key-file"
        )
    return place.read_text().strip()
