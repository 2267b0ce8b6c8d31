"""Change many assets at once: look first, start, follow, steer, take back."""

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.api_client import ApiClient, without_empty
from cli.api_key_file import KeyFile, read_api_key
from cli.commands.operation_progress import ENDED, watch_operation
from cli.output import AsJson, console, show_table
from infra.settings import load

app = typer.Typer(no_args_is_help=True, help=__doc__)

_NOT_ALL = 3  # some assets were refused or in conflict, or the operation failed
_SHOWN = 20
_PATH = "/v1/operations"

Id = Annotated[str, typer.Argument(help="The operation's id; status shows them.")]
Follow = Annotated[bool, typer.Option("--follow", help="Show how it gets on until it has ended.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many assets a second.")]
Words = Annotated[list[str] | None, typer.Option(help="May be given several times.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ApiPair:
    """The two APIs: one takes wishes, the other tells."""

    commands: ApiClient
    queries: ApiClient

    def send(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:  # noqa: ANN401 - JSON
        return self.commands.post(
            f"{_PATH}{path}", body or {}, key or f"cli-{secrets.token_hex(16)}"
        ).body

    def operation(self, operation_id: str) -> dict[str, Any]:
        return dict(self.queries.get(f"{_PATH}/{operation_id}").body)


@app.command("start")
def start(  # noqa: PLR0913 - one option for each word of the API
    kind: Annotated[str, typer.Argument(help="recategorise, move, tag, … as docs/operations.md.")],
    *,
    category: Annotated[str | None, typer.Option(help="Only what is in it.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Inserted then or later.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Inserted before.")] = None,
    having_tag: Words = None,
    status: Annotated[str | None, typer.Option(help="Only what is in this state.")] = None,
    rendered_before: Annotated[
        int | None, typer.Option(help="Only what an older pipeline than this version rendered.")
    ] = None,
    asset: Words = None,
    to_set: Annotated[
        list[str] | None, typer.Option("--set", help="recategorise: exactly these categories.")
    ] = None,
    add: Words = None,
    remove: Words = None,
    into: Annotated[str | None, typer.Option(help="move, merge_categories: where to.")] = None,
    tag: Words = None,
    new_name: Annotated[str | None, typer.Option(help="split_category: of the new one.")] = None,
    new_slug: Annotated[str | None, typer.Option(help="split_category: of the new one.")] = None,
    preset: Annotated[str | None, typer.Option(help="reprocess: which renditions.")] = None,
    per_second: Limit = None,
    name: Annotated[
        str | None, typer.Option(help="Typed again under the same name it is started once.")
    ] = None,
    key_file: KeyFile = None,
    every: Annotated[bool, typer.Option("--all", help="Every asset there is.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    follow: Follow = False,
    as_json: AsJson = False,
) -> None:
    """Change the assets that the filter means; with --dry-run only show which would change."""
    split = without_empty(name=new_name, slug=new_slug)
    body = without_empty(
        filter=without_empty(
            category=category,
            **{"from": since, "to": until, "all": every or None},
            tags=having_tag,
            status=status,
            rendered_before=rendered_before,
            asset_ids=asset,
        ),
        kind=kind,
        categories=to_set,
        add=add,
        remove=remove,
        into=into,
        tags=tag,
        new_category=split or None,
        preset=preset,
        per_second=per_second,
        dry_run=dry_run or None,
    )
    with _apis(key_file) as apis:
        if dry_run:
            _show_preview(apis.send("", body), as_json=as_json)
        else:
            begun = apis.send("", body, f"cli-{name}" if name else "")
            _show_until_ended(apis, begun["operation_id"], follow=follow, as_json=as_json)


@app.command("revert")
def revert(
    operation_id: Id,
    per_second: Limit = None,
    key_file: KeyFile = None,
    *,
    follow: Follow = False,
    as_json: AsJson = False,
) -> None:
    """Take back what an operation changed, unless the same was changed again since."""
    with _apis(key_file) as apis:
        begun = apis.send(f"/{operation_id}/revert", without_empty(per_second=per_second))
        _show_until_ended(apis, begun["operation_id"], follow=follow, as_json=as_json)


@app.command("status")
def status_of(
    operation_id: Annotated[str, typer.Argument(help="One operation; the last ones without.")] = "",
    key_file: KeyFile = None,
    *,
    follow: Follow = False,
    as_json: AsJson = False,
) -> None:
    """Show operations and how far they are; exit 3 when the one asked for did not do it all."""
    with _apis(key_file) as apis:
        if not operation_id:
            _show(apis.queries.get(_PATH).body["items"], as_json=as_json)
        else:
            _show_until_ended(apis, operation_id, follow=follow, as_json=as_json)


@app.command("pause")
def pause(operation_id: Id, key_file: KeyFile = None, *, as_json: AsJson = False) -> None:
    """Hold an operation where it is."""
    _steer(operation_id, "pause", {}, key_file, as_json=as_json)


@app.command("resume")
def resume(operation_id: Id, key_file: KeyFile = None, *, as_json: AsJson = False) -> None:
    """Go on with a paused operation."""
    _steer(operation_id, "resume", {}, key_file, as_json=as_json)


@app.command("cancel")
def cancel(operation_id: Id, key_file: KeyFile = None, *, as_json: AsJson = False) -> None:
    """End an operation; what it changed stays changed until it is reverted."""
    _steer(operation_id, "cancel", {}, key_file, as_json=as_json)


@app.command("throttle")
def throttle(
    operation_id: Id,
    per_second: Annotated[int, typer.Argument(min=1, help="Assets a second.")],
    key_file: KeyFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make an operation slower or faster."""
    _steer(operation_id, "throttle", {"per_second": per_second}, key_file, as_json=as_json)


@app.command("items")
def items(
    operation_id: Id,
    result: Annotated[
        str | None, typer.Option(help="Only changed, unchanged, conflict or refused ones.")
    ] = None,
    key_file: KeyFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what became of each asset, each field before and after."""
    narrowed = f"&result={result}" if result else ""
    page: str | None = f"{_PATH}/{operation_id}/items?limit=200{narrowed}"
    found: list[dict[str, Any]] = []
    with _apis(key_file) as apis:
        while page and (as_json or len(found) < _SHOWN):
            answer = apis.queries.get(page).body
            found += answer["items"]
            page = answer["next"]
    if as_json:
        console.out(json.dumps(found), highlight=False)
        return
    show_table([_item(one) for one in found[:_SHOWN]], as_json=False)
    if len(found) > _SHOWN or page:
        console.print("and more; --json shows all")


@contextmanager
def _apis(key_file: Path | None) -> Iterator[_ApiPair]:
    settings = load()
    key = read_api_key(settings, key_file)
    with (
        ApiClient(settings.command_base_url, key) as commands,
        ApiClient(settings.query_base_url, key) as queries,
    ):
        yield _ApiPair(commands=commands, queries=queries)


def _steer(
    operation_id: str, word: str, body: dict[str, Any], key_file: Path | None, *, as_json: bool
) -> None:
    with _apis(key_file) as apis:
        answer = apis.send(f"/{operation_id}/{word}", body)
    show_table(
        [{"operation": answer["operation_id"], "state": answer.get("state") or word}],
        as_json=as_json,
    )


def _show_until_ended(apis: _ApiPair, operation_id: str, *, follow: bool, as_json: bool) -> None:
    found = watch_operation(lambda: apis.operation(operation_id), until_ended=follow)
    _show([found], as_json=as_json)
    progress = found["progress"]
    is_short = progress["conflicts"] or progress["refused"] or found["state"] != "completed"
    if found["state"] in ENDED and is_short:
        raise typer.Exit(_NOT_ALL)


def _show(found: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    show_table(found if as_json else [_row(one) for one in found], as_json=as_json)


def _row(found: dict[str, Any]) -> dict[str, object]:
    progress = found["progress"]
    eta = progress["eta_seconds"]
    return {
        "operation": found["operation_id"],
        "kind": f"revert of {found['kind']}" if found["reverts"] else found["kind"],
        "state": found["state"],
        "done": f"{progress['done']}/{progress['total']}",
        "changed": progress["changed"],
        "conflicts": progress["conflicts"],
        "refused": ", ".join(f"{n} {why}" for why, n in progress["refused"].items()),
        "left": "" if eta is None else f"{eta} s",
        "started": found["started_at"],
    }


def _item(found: dict[str, Any]) -> dict[str, object]:
    return {
        "asset": found["asset_id"] or "(the category)",
        "result": found["result"],
        "why": found["problem"] or "",
        "what": "; ".join(
            f"{one['field']}: {one['before']} → {one['after']}" for one in found["changes"]
        )
        or found["detail"]
        or "",
    }


def _show_preview(preview: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        console.out(json.dumps(preview), highlight=False)
        return
    console.print(
        f"{preview['count']} of {preview['matched']} assets would change, in about"
        f" {preview['seconds_at_rate']} s",
        highlight=False,
    )
    for problem, assets in preview["refused"].items():
        console.print(f"{assets} would be refused: {problem}", highlight=False)
    if preview["category_problem"]:
        console.print(
            f"its category: {preview['category_problem']}; it would fail", highlight=False
        )
    rows = [
        {name: ", ".join(v) if isinstance(v, list) else v for name, v in one.items()}
        for one in preview["items"][:_SHOWN]
    ]
    show_table(rows, as_json=False)
