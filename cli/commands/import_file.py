"""``scalehoster import``: what is typed, and what is shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import TimeRemainingColumn

from cli.api_client import ApiClient
from cli.api_key_file import KeyFile, read_api_key
from cli.batch_import.import_file import ImportFile, NotAnImport, open_import_file
from cli.batch_import.journal import (
    ImportJournal,
    RefusedLine,
    journal_name,
    open_import_journal,
)
from cli.batch_import.upload import import_lines, refused_texts
from cli.output import AsJson, console, progress_bars, say, show_table
from infra.settings import load

_PATH = "/v1/assets/batch"
_SHOWN = 20
_SOME_REFUSED = 3
_INTERRUPTED = 130


def import_file(  # noqa: PLR0913 - each is an option
    file: Annotated[str, typer.Argument(help="FILE.csv, .ndjson or .json; - reads NDJSON.")],
    category: Annotated[str | None, typer.Option(help="For lines that name none.")] = None,
    duplicates: Annotated[
        str | None,
        typer.Option(help="For lines that do not say: keep, return or refuse what is there."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="The command API; default: the settings'.")
    ] = None,
    key_file: KeyFile = None,
    name: Annotated[
        str | None,
        typer.Option(help="Of the import: a line is inserted once under it. Default: the content."),
    ] = None,
    *,
    create_missing_categories: Annotated[
        bool, typer.Option("--create-missing-categories", help="Open categories on the way.")
    ] = False,
    keep_refused: Annotated[
        bool, typer.Option("--keep-refused", help="Write refused lines to FILE.refused.ndjson.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import the pictures a file names; typed again it goes on. Exit 3 when lines were refused."""
    settings = load()
    if keep_refused and file == "-":
        raise NotAnImport("--keep-refused writes beside a file; standard input has no place")
    api_key = read_api_key(settings, key_file)
    base_url = url or settings.command_base_url
    query = f"?create_missing_categories={str(create_missing_categories).lower()}"
    with open_import_file(file, settings.command_api.max_batch_line_bytes) as source:
        idempotency_key = name or f"import-{source.digest}"
        content = (idempotency_key, source.digest, query, category or "", duplicates or "")
        which = journal_name(base_url, api_key, *content)
        with (
            ApiClient(base_url, api_key) as api,
            open_import_journal(settings.data_dir / "imports", which) as journal,
        ):
            if journal.lines:
                say(f"going on after {journal.lines} lines")
            steps = import_lines(
                source,
                journal,
                lambda lines: api.post_lines(_PATH + query, lines, idempotency_key),
                category=category,
                duplicates=duplicates,
            )
            _show_progress(source, journal, steps)
        kept = _keep(file, source, journal.refused) if keep_refused and journal.refused else None
    _show(journal, kept, as_json=as_json)
    if journal.refused:
        raise typer.Exit(_SOME_REFUSED)


def _show_progress(source: ImportFile, journal: ImportJournal, steps: Iterator[int]) -> None:
    with progress_bars("{task.fields[refused]} refused", TimeRemainingColumn()) as progress:
        task = progress.add_task(
            "importing", total=source.lines, completed=journal.lines, refused=0
        )
        try:
            for done in steps:
                progress.update(task, completed=done, refused=len(journal.refused))
        except KeyboardInterrupt:
            say(f"stopped after {journal.lines} lines; type the same again to go on")
            raise typer.Exit(_INTERRUPTED) from None


def _keep(file: str, source: ImportFile, refused: list[RefusedLine]) -> Path:
    place = Path(f"{file}.refused.ndjson")
    with place.open("wb") as kept:
        kept.writelines(text + b"\n" for text in refused_texts(source, refused))
    return place


def _show(journal: ImportJournal, kept: Path | None, *, as_json: bool) -> None:
    if as_json:
        told = {
            "lines": journal.lines,
            "accepted": journal.accepted,
            "refused": journal.refused,
            "kept": str(kept) if kept else None,
        }
        console.out(json.dumps(told), highlight=False)
        return
    console.print(f"{journal.accepted} accepted, {len(journal.refused)} refused")
    if journal.refused:
        rows = [{"line": each["line"], "why": _why(each)} for each in journal.refused[:_SHOWN]]
        show_table(rows, as_json=False, title="refused lines, counted as in the file")
        if len(journal.refused) > _SHOWN:
            console.print(f"and {len(journal.refused) - _SHOWN} more; --json shows all")
    if kept:
        console.print(f"They are kept in {kept}: put them right and import that.", markup=False)


def _why(refused: RefusedLine) -> str:
    problem = refused["problem"]
    return escape(str(problem.get("detail") or problem.get("title")))
