"""Rebuild views from the log: start, watch, compare, switch, go back, drop."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.commands.rebuild_progress import watch_rebuilds
from cli.local_platform.platform import local_platform
from cli.output import AsJson, console, say, show_table
from cli.polling import wait_for
from infra.cassandra.generations import UNDER_WAY, Generation
from infra.settings import load
from projections.rebuild.comparison import ComparisonReport
from projections.rebuild.rebuilds import REBUILDABLE, Rebuilds, view_named
from read_models.generation_status import GenerationStatus

app = typer.Typer(no_args_is_help=True, help=__doc__)

_DIFFERENT = 3
_SILENT_SECONDS = 10.0
_BUILDER_SECONDS = 60.0

ViewName = Annotated[str, typer.Argument(help="One of the views; status shows them.")]
Throttle = Annotated[
    int | None, typer.Option(min=0, help="At most so many events a second; 0 for no limit.")
]
Processes = Annotated[int | None, typer.Option(min=1, max=64, help="Build in so many processes.")]
Follow = Annotated[bool, typer.Option("--follow", help="Show how it gets on until it is built.")]


@app.command("start")
def start(
    view: Annotated[str, typer.Argument(help="Which view; or --all.")] = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Every view, reading the log once.")] = False,
    throttle: Throttle = None,
    processes: Processes = None,
    follow: Follow = False,
    as_json: AsJson = False,
) -> None:
    """Build a new generation beside the one that is read, from the first event on."""
    if every == bool(view):
        raise typer.BadParameter("name one view, or say --all")
    wanted = REBUILDABLE if every else (view_named(view),)
    with Rebuilds(load()) as rebuilds:
        begun = [
            rebuilds.planner.start(each, processes=processes or 1, events_per_second=throttle or 0)
            for each in wanted
        ]
        _show_until_built(rebuilds, begun, follow=follow, as_json=as_json)


@app.command("resume")
def resume(
    view: ViewName,
    *,
    throttle: Throttle = None,
    processes: Processes = None,
    follow: Follow = False,
    accept_poison: Annotated[
        str, typer.Option(help="Why the record it failed at may be left out; it is kept.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Go on with a rebuild that was paused, failed, or lost its process."""
    with Rebuilds(load()) as rebuilds:
        if accept_poison:
            rebuilds.planner.accept_poison(view, accept_poison)
        found = rebuilds.planner.steer(
            view, is_paused=False, processes=processes, events_per_second=throttle
        )
        _show_until_built(rebuilds, [found], follow=follow, as_json=as_json)


@app.command("pause")
def pause(view: ViewName, *, as_json: AsJson = False) -> None:
    """Hold a rebuild where it is; within a second nothing is read or written for it."""
    with Rebuilds(load()) as rebuilds:
        rebuilds.planner.steer(view, is_paused=True)
        _show(rebuilds.statuses(view), as_json=as_json)


@app.command("throttle")
def throttle(
    view: ViewName,
    events_per_second: Annotated[int, typer.Argument(min=0, help="0 for no limit.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a rebuild that is under way slower or faster."""
    with Rebuilds(load()) as rebuilds:
        rebuilds.planner.steer(view, events_per_second=events_per_second)
        _show(rebuilds.statuses(view), as_json=as_json)


@app.command("cancel")
def cancel(view: ViewName, *, as_json: AsJson = False) -> None:
    """Give up a rebuild; its tables stay until they are dropped."""
    with Rebuilds(load()) as rebuilds:
        rebuilds.planner.cancel(view)
        _show(rebuilds.statuses(view), as_json=as_json)


@app.command("status")
def status(
    view: Annotated[str, typer.Argument(help="One view; all of them without it.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show the generations of each view, and how far those being built are."""
    with Rebuilds(load()) as rebuilds:
        if view:
            view_named(view)
        _show(rebuilds.statuses(view), as_json=as_json)


@app.command("compare")
def compare(view: ViewName, *, as_json: AsJson = False) -> None:
    """Compare the rebuilt generation with the one that is read, row by row; exit 3 if they differ.

    Writes may go on. Both must be fed by the projections.
    """
    with Rebuilds(load()) as rebuilds:
        report = rebuilds.compare(view)
    if as_json:
        console.out(json.dumps(asdict(report), default=str), highlight=False)
    else:
        _explain(report)
    if report.comparison.difference_count:
        raise typer.Exit(_DIFFERENT)


@app.command("switch")
def switch(
    view: ViewName,
    *,
    accept_differences: Annotated[
        str, typer.Option(help="Why the differences that compare found are right; it is kept.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Have the rebuilt generation read from now on; the one before goes on being fed."""
    with Rebuilds(load()) as rebuilds:
        show_table([asdict(rebuilds.switcher.switch(view, accept_differences))], as_json=as_json)


@app.command("rollback")
def rollback(view: ViewName, *, as_json: AsJson = False) -> None:
    """Have the generation read again that was read before the last switch."""
    with Rebuilds(load()) as rebuilds:
        show_table([asdict(rebuilds.switcher.rollback(view))], as_json=as_json)


@app.command("drop")
def drop(
    view: ViewName,
    generation: Annotated[int, typer.Argument(help="Its number; never the one that is read.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Drop the tables of a generation that nobody reads, for good."""
    with Rebuilds(load()) as rebuilds:
        rebuilds.switcher.drop(view, generation)
        _show(rebuilds.statuses(view), as_json=as_json)


def _show_until_built(
    rebuilds: Rebuilds, wanted: Sequence[Generation], *, follow: bool, as_json: bool
) -> None:
    """Have a process build them that outlives this command."""
    builder = local_platform().rebuilding
    numbers = {(each.view, each.number) for each in wanted}
    asked_at = datetime.now(UTC)

    def is_heard() -> bool:
        if builder.start():  # one that ran already may just have been about to end
            say(f"building as {builder.pid}; its log is {builder.log}")
        return all(
            each.state not in UNDER_WAY or (each.seen_at is not None and each.seen_at > asked_at)
            for each in generations()
        )

    def generations() -> list[Generation]:
        found = (rebuild_status.generation for rebuild_status in rebuilds.statuses())
        return [each for each in found if (each.view, each.number) in numbers]

    wait_for(is_heard, f"somebody to build (see {builder.log})", _BUILDER_SECONDS)
    if follow:
        watch_rebuilds(rebuilds, numbers, builder)
    _show(
        [
            each
            for each in rebuilds.statuses()
            if (each.generation.view, each.generation.number) in numbers
        ],
        as_json=as_json,
    )


def _show(statuses: Sequence[GenerationStatus], *, as_json: bool) -> None:
    show_table([_facts(each) if as_json else shown(each) for each in statuses], as_json=as_json)


def _facts(rebuild_status: GenerationStatus) -> dict[str, object]:
    facts = asdict(rebuild_status)
    generation = facts.pop("generation")
    return {**generation, **facts, "eta_seconds": rebuild_status.eta_seconds}


def shown(rebuild_status: GenerationStatus) -> dict[str, object]:
    """Give what a table shows of a generation."""
    generation = rebuild_status.generation
    is_building = generation.state == "building"
    eta = rebuild_status.eta_seconds
    return {
        "view": generation.view,
        "no.": generation.number,
        "rev.": generation.revision,
        "state": _state(rebuild_status),
        "done": _percent(rebuild_status),
        "events": rebuild_status.events,
        "per s": round(generation.offsets_per_second) if is_building else "",
        "left": f"{eta:.0f} s" if is_building and eta is not None else "",
        "compared": _compared(generation),
        "reason": generation.reason,
    }


def _percent(rebuild_status: GenerationStatus) -> str:
    done, target = rebuild_status.done, rebuild_status.target
    return f"{100 * done / target:.0f} %" if target else ""


def _state(rebuild_status: GenerationStatus) -> str:
    generation = rebuild_status.generation
    if rebuild_status.is_read:
        return "read"
    if generation.state != "building":
        return {"following": "ready"}.get(generation.state, generation.state)
    if generation.is_paused:
        return "paused"
    heard = generation.seen_at or generation.started_at
    is_silent = (datetime.now(UTC) - heard).total_seconds() > _SILENT_SECONDS
    return "nobody builds it" if is_silent else "building"


def _compared(generation: Generation) -> str:
    found = generation.comparison
    if found is None:
        return ""
    if found.difference_count:
        return f"{found.difference_count} differ from {found.compared_with}"
    return f"equal to {found.compared_with}"


def _explain(report: ComparisonReport) -> None:
    if report.reshaped:
        console.print(f"left out, as their revisions say: {', '.join(report.reshaped)}")
    show_table(
        [
            {
                "table": table.table,
                f"rows in {report.before}": table.rows_before,
                f"rows in {report.after}": table.rows_after,
                "differ": table.difference_count,
            }
            for table in report.tables
        ],
        as_json=False,
    )
    for table in report.tables:
        for one in table.differences:
            key = ", ".join(str(value) for value in one.key.values())
            console.print(f"{one.table} {key}: {one.kind}", highlight=False)
            if one.kind == "differs":
                for name, (old, new) in one.columns.items():
                    console.print(f"    {name}: {old!r} became {new!r}", highlight=False)
