"""Prove that the views equal the log, or see which rows do not, and put just those right."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from cli.output import AsJson, console, say, show_table
from infra.settings import load
from projections.rebuild.rebuilds import REBUILDABLE
from projections.verification.consistency_checks import ConsistencyChecks, checkable_view
from read_models.consistency_results import ConsistencyResult

app = typer.Typer(no_args_is_help=True, help=__doc__)

_DIFFERENT = 3

ViewName = Annotated[str, typer.Argument(help="One view; all that can be checked without it.")]


@app.command("check")
def check(view: ViewName = "", *, as_json: AsJson = False) -> None:
    """Compare every row with the log, while writers go on; exit 3 if rows differ."""
    _run(view, repairs=False, as_json=as_json)


@app.command("repair")
def repair(view: ViewName = "", *, as_json: AsJson = False) -> None:
    """Write what the log says into the rows that differ, and nothing else; exit 3 if some stay."""
    _run(view, repairs=True, as_json=as_json)


def in_words(result: ConsistencyResult) -> str:
    """Say in one sentence what a check came to."""
    offsets = sum(result.positions.values())
    until = f"the log up to {result.checked_at:%Y-%m-%d %H:%M:%S} UTC"
    where = f"({offsets:,} offsets of {result.topic}, {result.row_count:,} rows)"
    if result.is_equal:
        said = f"{result.view} equals {until} {where}"
    else:
        said = f"{result.view} differs in {result.difference_count:,} rows from {until} {where}"
    if result.repaired_count:
        said += f"; {result.repaired_count:,} rows were put right"
    if result.waiting_count:
        said += f"; {result.waiting_count:,} entities wait behind a record it cannot take"
    return said


def differing_rows(result: ConsistencyResult) -> list[str]:
    """Name the rows that differ, column by column."""
    lines = []
    for one in result.differences:
        key = ", ".join(str(value) for value in one.key.values())
        lines.append(f"{one.table} {key}: {one.kind}")
        if one.kind == "differs":
            lines += [
                f"    {name}: {by_log!r} by the log, {found!r} found"
                for name, (by_log, found) in one.columns.items()
            ]
    return lines


def _run(name: str, *, repairs: bool, as_json: bool) -> None:
    wanted = [checkable_view(name)] if name else list(REBUILDABLE)
    results: list[ConsistencyResult] = []
    with ConsistencyChecks(load()) as checks:
        for view in wanted:
            say(f"{view.name}: reading the log")
            results.append(checks.check(view.name, repairs=repairs))
    _show(results, as_json=as_json)
    if not all(each.is_equal for each in results):
        raise typer.Exit(_DIFFERENT)


def _show(results: Sequence[ConsistencyResult], *, as_json: bool) -> None:
    if as_json:
        console.out(json.dumps([asdict(each) for each in results], default=str), highlight=False)
        return
    show_table(
        [
            {
                "view": each.view,
                "no.": each.generation,
                "rows": each.row_count,
                "differ": each.difference_count,
                "put right": each.repaired_count,
                "waiting": each.waiting_count,
            }
            for each in results
        ],
        as_json=False,
    )
    for each in results:
        console.print(in_words(each), highlight=False)
        for line in differing_rows(each):
            console.print(line, highlight=False, markup=False)
