"""What nobody could work on: look at it, have it tried again, or drop it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer
from rich.progress import Progress

from cli.output import AsJson, console, errors, show_table
from infra.kafka.topics import DEAD_LETTERS
from infra.settings import load
from read_models.dead_letters import (
    DeadLetterEntry,
    DeadLetterFilter,
    DeadLetterQueue,
    resolve_dead_letters,
)

app = typer.Typer(no_args_is_help=True, help=__doc__)

_SOME_LEFT = 3

_NAMES = ", ".join(topic.name for topic in DEAD_LETTERS)
LetterId = Annotated[str, typer.Argument(help="As `list` shows it: topic:partition:offset.")]
LetterIds = Annotated[list[str] | None, typer.Argument(help="As `list` shows them.")]
TopicName = Annotated[str | None, typer.Option("--topic", help=f"One of {_NAMES}.")]
Code = Annotated[str | None, typer.Option("--code", help="Why it was parked.")]
Host = Annotated[str | None, typer.Option("--host", help="Where its source lies.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Whose it is.")]
Since = Annotated[datetime | None, typer.Option("--since", help="Parked then or later, in UTC.")]
Until = Annotated[datetime | None, typer.Option("--until", help="Parked before then, in UTC.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]
All = Annotated[bool, typer.Option("--all", help="All that the options name, not single ones.")]


@app.command("list")
def show_all(
    *,
    topic: TopicName = None,
    code: Code = None,
    host: Host = None,
    tenant: Tenant = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what waits for an operator."""
    queue = DeadLetterQueue.connect(load().kafka.connection())
    letters = _letters(queue, topic, _filter(code, host, tenant, since, until))
    rows = [_row(entry) for entry, _ in zip(letters, range(limit), strict=False)]
    show_table(rows, as_json=as_json, title="dead letters")


@app.command("show")
def show_one(letter_id: LetterId) -> None:
    """Show one as JSON: its bytes, what they say, and every attempt."""
    entry = DeadLetterQueue.connect(load().kafka.connection()).entry(letter_id)
    message = asdict(entry.message) if entry.message else None
    told = _row(entry) | {
        "detail": entry.dead.detail,
        "settled": entry.resolution and entry.resolution.how,
        "key": entry.dead.key,
        "value": entry.dead.value,
        "message": message,
    }
    console.out(json.dumps(told, default=_spelled, indent=2), highlight=False)


def _settling(how: Literal["retried", "dropped"]) -> Callable[..., None]:
    """Make a command that settles letters; all such commands take the same options."""

    def settle(  # noqa: PLR0913 - each is an option
        letter_ids: LetterIds = None,
        *,
        every: All = False,
        topic: TopicName = None,
        code: Code = None,
        host: Host = None,
        tenant: Tenant = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = 10_000,
        as_json: AsJson = False,
    ) -> None:
        if bool(letter_ids) == every:
            raise typer.BadParameter("name letters, or say --all with the options that choose them")
        kafka = load().kafka.connection()
        queue = DeadLetterQueue.connect(kafka)
        wanted = _filter(code, host, tenant, since, until)
        chosen = map(queue.entry, letter_ids) if letter_ids else _letters(queue, topic, wanted)
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task(how, total=None)
            letters = (entry for entry, _ in zip(chosen, range(limit), strict=False))
            done = asyncio.run(
                resolve_dead_letters(kafka, how, letters, lambda: progress.advance(task))
            )
        if as_json:
            refused = [{"letter": name, "detail": detail} for name, detail in done.refused]
            console.out(json.dumps({how: done.resolved, "refused": refused}), highlight=False)
        else:
            console.print(f"{how}: {done.resolved}")
            for _, detail in done.refused:
                console.print(detail, highlight=False, markup=False)
        if done.refused:
            raise typer.Exit(_SOME_LEFT)

    return settle


app.command("retry", help="Try letters again; exit 3 when some must not be sent again.")(
    _settling("retried")
)
app.command(
    "drop", help="Say that nothing is to be done about letters; they are not listed any more."
)(_settling("dropped"))


def _letters(
    queue: DeadLetterQueue, topic: str | None, wanted: DeadLetterFilter
) -> Iterator[DeadLetterEntry]:
    if topic is not None and topic not in {each.name for each in DEAD_LETTERS}:
        raise typer.BadParameter(f"there are {_NAMES}")
    return queue.entries(wanted, topic=topic)


def _filter(
    code: str | None,
    host: str | None,
    tenant: str | None,
    since: datetime | None,
    until: datetime | None,
) -> DeadLetterFilter:
    return DeadLetterFilter(
        code=code,
        host=host,
        tenant_id=tenant,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
    )


def _row(entry: DeadLetterEntry) -> dict[str, Any]:
    return {
        "letter": entry.letter_id,
        "from": f"{entry.dead.topic}:{entry.dead.partition}:{entry.dead.offset}",
        "code": entry.dead.code,
        "tenant": entry.tenant_id or "",
        "host": entry.host or "",
        "kind": type(entry.message).__name__ if entry.message else "unreadable",
        "parked": entry.dead.parked_at.isoformat(timespec="seconds"),
    }


def _spelled(value: object) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
