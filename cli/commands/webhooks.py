"""Where a tenant is told of what happens: look, register, remove, have history told again."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.api_client import ApiClient, without_empty
from cli.api_key_file import KeyFile, read_api_key
from cli.output import AsJson, console, show_table
from infra.settings import load

app = typer.Typer(no_args_is_help=True, help=__doc__)

_PATH = "/v1/webhooks"

Id = Annotated[str, typer.Argument(help="The endpoint's id, as `list` shows it.")]
Types = Annotated[
    list[str] | None,
    typer.Option("--type", help="asset.published, … as docs/webhooks.md; several times for more."),
]


@app.command("list")
def show_all(key_file: KeyFile = None, *, as_json: AsJson = False) -> None:
    """List the endpoints and how they fare, the oldest first."""
    with _api(key_file) as api:
        found = api.get(_PATH).body["items"]
    rows = found if as_json else [_endpoint(one) for one in found]
    show_table(rows, as_json=as_json, title="webhooks")


@app.command("create")
def create(
    url: Annotated[str, typer.Argument(help="Where to post events to.")],
    event_type: Types = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Typed again under the same name it is made once.")
    ] = None,
    key_file: KeyFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Register an endpoint, for events of all types unless some are named; shows its secret."""
    body = without_empty(url=url, event_types=event_type, description=description)
    key = f"cli-{name or secrets.token_hex(16)}"
    with _api(key_file) as api:
        made = api.post(_PATH, body, key).body
    if as_json:
        console.out(json.dumps(made), highlight=False)
        return
    show_table([_endpoint(made)], as_json=False)
    console.print(f"secret, shown this once: {made['secret']}", highlight=False, markup=False)


@app.command("delete")
def delete(endpoint_id: Id, key_file: KeyFile = None, *, as_json: AsJson = False) -> None:
    """Remove an endpoint; what is on its way to it is dropped."""
    with _api(key_file) as api:
        removed = api.delete(f"{_PATH}/{endpoint_id}").body
    show_table([{"removed": removed["endpoint_id"], "url": removed["url"]}], as_json=as_json)


@app.command("deliveries")
def deliveries(
    endpoint_id: Id,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
    key_file: KeyFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the last attempts at an endpoint, the newest first."""
    with _api(key_file) as api:
        found = api.get(f"{_PATH}/{endpoint_id}/deliveries?limit={limit}").body["items"]
    rows = found if as_json else [_attempt(one) for one in found]
    show_table(rows, as_json=as_json, title="deliveries")


@app.command("redeliver")
def redeliver(
    endpoint_id: Id,
    since: Annotated[str, typer.Option("--from", help="A date or a time, in UTC.")],
    until: Annotated[str | None, typer.Option("--to", help="Before then; default: now.")] = None,
    event_type: Types = None,
    key_file: KeyFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell a stretch of history again; deliveries follow, a few a second."""
    body = without_empty(**{"from": since, "to": until}, types=event_type)
    with _api(key_file) as api:
        ordered = api.post(
            f"{_PATH}/{endpoint_id}/redeliver", body, f"cli-{secrets.token_hex(16)}"
        ).body
    shown = ordered | {"event_types": _types(ordered)}
    show_table([ordered if as_json else shown], as_json=as_json)


@contextmanager
def _api(key_file: Path | None) -> Iterator[ApiClient]:
    settings = load()
    with ApiClient(settings.command_base_url, read_api_key(settings, key_file)) as api:
        yield api


def _endpoint(found: dict[str, Any]) -> dict[str, object]:
    return {
        "endpoint": found["endpoint_id"],
        "url": found["url"],
        "state": "on" if found["is_enabled"] else f"off ({found['disabled_because']})",
        "failing since": found["failing_since"] or "",
        "types": _types(found),
        "description": found["description"],
    }


def _attempt(found: dict[str, Any]) -> dict[str, object]:
    return {
        "attempted": found["attempted_at"],
        "type": found["public_event_type"],
        "attempt": found["number"],
        "outcome": found["outcome"],
        "status": found["status"] or "",
        "ms": found["duration_ms"],
        "again": found["next_attempt_at"] or "",
        "event": found["event_id"],
        "detail": found["detail"],
    }


def _types(found: dict[str, Any]) -> str:
    return ", ".join(found["event_types"])
