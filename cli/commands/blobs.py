"""The store of blobs, compared with the log: what is too much, and what is missing."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from backup.blob_check import BlobCheck, BlobCheckTotals
from backup.blob_inventory import BlobInventory, MissingBlob
from cli.output import AsJson, console, say
from domain.errors import ScaleHosterError
from infra.blobs.store import open_blob_store
from infra.kafka.client import Kafka
from infra.kafka.offsets.lag import group_has_read
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, COMMANDS_DEAD_LETTERS
from infra.settings import Settings, load
from read_models.dead_letters import DeadLetterFilter, DeadLetterQueue

app = typer.Typer(no_args_is_help=True, help=__doc__)

_NOT_WELL = 3
_DECIDER = "command_api.decider"
_SAID_EVERY = 50_000


class BlobRemovalRefused(ScaleHosterError):
    """It is not known for certain what the log does not name."""


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
    settings = load()
    totals = asyncio.run(
        _check(settings, timedelta(hours=older_than_hours), repair=repair, as_json=as_json)
    )
    if as_json:
        console.out(json.dumps({"totals": asdict(totals)}), highlight=False)
    else:
        say(_in_words(totals))
    if not totals.is_well:
        raise typer.Exit(_NOT_WELL)


async def _check(
    settings: Settings, age: timedelta, *, repair: bool, as_json: bool
) -> BlobCheckTotals:
    kafka = settings.kafka.connection()
    before = datetime.now(UTC) - age
    with closing(read_from_beginning(kafka, ASSET_COMMANDS)) as commands:
        commanded = commands.ends()
    if not group_has_read(kafka, _DECIDER, ASSET_COMMANDS, commanded):
        if repair:
            raise BlobRemovalRefused(
                "commands wait that name bytes, and no decider decides them: start one first"
            )
        say("commands wait for a decider: some of what they bring may be named as unknown")
    place = settings.data_dir / "scratch" / "blob-inventory.sqlite"
    store = open_blob_store(settings.blobs_url, settings.blobs)
    with BlobInventory(place) as inventory, read_from_beginning(kafka, ASSET_EVENTS) as events:
        checking = BlobCheck(inventory, store, _ProgressLines())
        await checking.take_inventory(_undecided_commands(kafka), events.read_to_end())
        for entry in checking.unknown(before):
            _print_finding({"unknown": entry.key, "bytes": entry.size_bytes}, as_json=as_json)
        again: dict[tuple[str, str], MissingBlob] = {}
        async for each in checking.missing():
            _print_finding({"missing": each.key, "what_helps": _what_helps(each)}, as_json=as_json)
            if each.can_be_made and len(again) < _SAID_EVERY:
                again[each.tenant_id, each.asset_id] = each
        if not repair:
            return checking.totals
        if checking.totals.unreadable:
            raise BlobRemovalRefused(
                f"{checking.totals.unreadable} events cannot be read by this release: they may name"
                " what it does not know"
            )
        await checking.remove(inventory.unknown(before))
        async with RecordProducer(kafka) as sender:
            for each in again.values():
                await checking.request_reprocessing(
                    each.tenant_id, each.asset_id, sender, datetime.now(UTC)
                )
        return checking.totals


def _undecided_commands(kafka: Kafka) -> Iterator[object]:
    """Give the commands that nobody could decide: one may be sent again, with what it brings."""
    letters = DeadLetterQueue.connect(kafka).entries(
        DeadLetterFilter(), topic=COMMANDS_DEAD_LETTERS.name
    )
    return (letter.message for letter in letters)


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


def _print_finding(finding: dict[str, object], *, as_json: bool) -> None:
    text = json.dumps(finding) if as_json else "  ".join(f"{k} {v}" for k, v in finding.items())
    console.out(text, highlight=False)


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
    """Tells how far it is, now and then."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def __call__(self, what: str, count: int) -> None:
        if count >= self._told.get(what, 0) + _SAID_EVERY:
            self._told[what] = count
            say(f"{count:,} {what}")
