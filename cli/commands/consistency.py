"""Prove that the views equal the log, or see which rows do not, and put just those right."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from cli.consistency_report import differing_rows, summary
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
        console.print(summary(each), highlight=False)
        for line in differing_rows(each):
            console.print(line, highlight=False, markup=False)
