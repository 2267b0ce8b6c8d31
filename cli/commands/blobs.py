"""The store of blobs, compared with the log: what is too much, and what is missing."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from backup.blob_check import BlobCheckTotals, check_blobs
from backup.blob_inventory import MissingBlob
from cli.output import AsJson, console, say
from infra.blobs.entries import BlobEntry
from infra.settings import load

app = typer.Typer(no_args_is_help=True, help=__doc__)

_NOT_WELL = 3
_SAID_EVERY = 50_000


@app.callback()
def _blobs() -> None:
    """Keep the name of the one command."""


@app.command("check")
def check(
    *,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Remove what the log does not know; have renditions made again that are missing.",
        ),
    ] = False,
    older_than_hours: Annotated[
        float, typer.Option(min=0, help="Leave alone what was stored since.")
    ] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Name what the store has and the log does not know, and the other way round; exit 3 if any.

    It may be stopped at any time and typed again, and others go on meanwhile. With --json there is
    one object a line, the totals last.
    """

    def show(found: BlobEntry | MissingBlob) -> None:
        row = _row(found)
        text = json.dumps(row) if as_json else "  ".join(f"{k} {v}" for k, v in row.items())
        console.out(text, highlight=False)

    totals = asyncio.run(
        check_blobs(
            load(),
            datetime.now(UTC) - timedelta(hours=older_than_hours),
            repair=repair,
            on_finding=show,
            on_count=_ProgressLines(),
            on_undecided=_say_that_commands_wait,
        )
    )
    if as_json:
        console.out(json.dumps({"totals": asdict(totals)}), highlight=False)
    else:
        say(_in_words(totals))
    if not totals.is_well:
        raise typer.Exit(_NOT_WELL)


def _say_that_commands_wait() -> None:
    say("commands wait for a decider: some of what they bring may be named as unknown")


def _row(found: BlobEntry | MissingBlob) -> dict[str, object]:
    if isinstance(found, BlobEntry):
        return {"unknown": found.key, "bytes": found.size_bytes}
    return {"missing": found.key, "what_helps": _what_helps(found)}


def _what_helps(missing: MissingBlob) -> str:
    if missing.can_be_made:
        return "it is made again from its original, with --repair"
    match missing.what:
        case "original":
            return "'scalehoster events restore' from an archive with pictures; or a new source"
        case "rendition":
            whose = "the picture shown" if missing.is_shown else "an earlier result"
            return f"it is of {whose}; an archive with pictures has it"
        case "upload":
            return "nothing, once its picture was published; else the picture has to be sent again"


def _in_words(totals: BlobCheckTotals) -> str:
    said = f"{totals.stored:,} blobs stored ({totals.stored_bytes:,} bytes), {totals.named:,} named"
    said += f"; {totals.unknown:,} unknown ({totals.unknown_bytes:,} bytes)"
    said += f", {totals.removed:,} of them removed; {totals.missing:,} missing"
    if totals.ordered:
        said += f", renditions of {totals.ordered:,} assets are made again"
    if totals.unreadable:
        said += f"; {totals.unreadable:,} events cannot be read"
    return said


class _ProgressLines:
    """Prints a count whenever it has grown by _SAID_EVERY."""

    def __init__(self) -> None:
        self._printed: dict[str, int] = {}

    def __call__(self, what: str, count: int) -> None:
        if count >= self._printed.get(what, 0) + _SAID_EVERY:
            self._printed[what] = count
            say(f"{count:,} {what}")
