"""Tables, bars and messages for a person, and JSON instead for a program."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

console = Console()
errors = Console(stderr=True)


def show_table(rows: Sequence[Mapping[str, object]], *, as_json: bool, title: str = "") -> None:
    """Print rows of the same columns."""
    if as_json:
        console.out(json.dumps(list(rows), default=str), highlight=False)
        return
    if not rows:
        console.print(f"{title or 'nothing'}: none")
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(rows[0]):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))  # no markup of others
    console.print(table)


def say(text: str) -> None:
    """Tell how far a long command is, on the error stream so that ``--json`` stays clean."""
    errors.print(text, style="dim", highlight=False)


def progress_bars(*columns: ProgressColumn | str) -> Progress:
    """Make bars with these columns behind "m/n", on the error stream."""
    first = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*first, *columns, console=errors)


def rated_bars() -> Progress:
    """Make bars with rate (the field ``rate``) and remaining time, on the error stream."""
    return progress_bars("{task.fields[rate]:>8,.0f}/s", TimeRemainingColumn())
