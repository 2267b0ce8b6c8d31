"""``scalehoster erase``: nothing personal is left of an asset, and the log tells that it was so."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.api_key import read_api_key
from cli.http import Api
from cli.output import AsJson, errors, show_table
from infra.settings import load

_LOOK_SECONDS = 1.0
_STDIN = "-"


def erase(
    assets: Annotated[
        list[str], typer.Argument(help="Ids of assets; - reads them from standard input.")
    ],
    *,
    key_file: Annotated[
        Path | None, typer.Option(help="Holds the API key; default: the demo tenant's.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Only ask for it; GET the asset to see erased_at.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Destroy what is personal about assets, for good: texts, source, EXIF, pictures.

    Each is deleted and purged. Its key is destroyed at once, its bytes some time later (see
    SCALEHOSTER_DISPATCH__PURGE_DELAY_SECONDS); then the asset says since when it is erased. Typed
    again it goes on where it was; Ctrl-C ends the waiting, not the erasing.
    """
    settings = load()
    key = read_api_key(settings, key_file)
    ids = _ids(assets)
    with Api(settings.command_base_url, key) as commands, Api(settings.query_base_url, key) as told:
        for asset_id in ids:
            commands.delete(f"/v1/assets/{asset_id}", f"erase-delete-{asset_id}")
            commands.post(f"/v1/assets/{asset_id}/purge", {}, f"erase-purge-{asset_id}")
        found = _watched(ids, lambda one: dict(told.get(f"/v1/assets/{one}").body), no_wait=no_wait)
    show_table(
        [
            {"asset": one["asset_id"], "status": one["status"], "erased": one["erased_at"] or ""}
            for one in found
        ],
        as_json=as_json,
    )


def _ids(assets: list[str]) -> list[str]:
    typed = [one for one in assets if one != _STDIN]
    piped = sys.stdin.read().split() if _STDIN in assets else []
    return list(dict.fromkeys([*typed, *piped]))


def _watched(
    ids: list[str], look: Callable[[str], dict[str, Any]], *, no_wait: bool
) -> list[dict[str, Any]]:
    found = {asset_id: look(asset_id) for asset_id in ids}
    if no_wait:
        return list(found.values())
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=errors
    ) as shown:
        bar = shown.add_task("erased", total=len(ids))
        while True:
            open_ones = [asset_id for asset_id, one in found.items() if not one["erased_at"]]
            shown.update(bar, completed=len(ids) - len(open_ones))
            if not open_ones:
                return list(found.values())
            time.sleep(_LOOK_SECONDS)
            found |= {asset_id: look(asset_id) for asset_id in open_ones}
