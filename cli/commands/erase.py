"""``scalehoster erase``: nothing personal is left of assets, and the log tells that it was so."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.api_client import ApiClient
from cli.api_key_file import KeyFile, read_api_key
from cli.commands.erase_tenant import EraseTenantOptions, erase_tenant
from cli.output import AsJson, progress_bars, show_table
from domain.bulk_operation.values import Filter
from domain.values import CategoryRef, Status, TenantId
from infra.settings import Settings, load
from streams.erasure.asset_eraser import ErasureRequest

_POLL_SECONDS = 1.0
_STDIN = "-"
_NOT_PURGED = tuple(status for status in Status if status is not Status.PURGED)

Moment = Annotated[datetime | None, typer.Option("--from", help="Inserted then or later, in UTC.")]


def erase(  # noqa: PLR0913 - each is an option
    assets: Annotated[
        list[str] | None,
        typer.Argument(help="Ids of assets; - reads them from standard input."),
    ] = None,
    *,
    tenant: Annotated[
        str | None, typer.Option(help="Whose assets; without a filter: all that is of it.")
    ] = None,
    category: Annotated[str | None, typer.Option(help="Only what is in it.")] = None,
    source_host: Annotated[
        str | None, typer.Option(help="Only what was downloaded from this host.")
    ] = None,
    since: Moment = None,
    until: Annotated[
        datetime | None, typer.Option("--to", help="Inserted before then, in UTC.")
    ] = None,
    having_tag: Annotated[list[str] | None, typer.Option(help="Only what has all of them.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only what is in this state.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the tenant's name.")] = False,
    key_file: KeyFile = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Only ask for it; GET the asset to see erased_at.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Destroy what is personal, for good: of assets, or with --tenant of a whole tenant.

    Assets by their ids are deleted and purged in the name of an API key. With --tenant it needs
    none, but Kafka, Cassandra and the keyring; it shows what there is, and asks for the tenant's
    name before it begins. Texts are unreadable at once, bytes are removed within seconds, and once
    more some time later (see SCALEHOSTER_DISPATCH__PURGE_DELAY_SECONDS); it waits until the log
    confirms that for each. Typed again it goes on where it was; what was asked for before a Ctrl-C
    goes on by itself.
    """
    wanted = Filter(
        category=None if category is None else CategoryRef(category),
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
        tags=tuple(having_tag or ()),
        statuses=_NOT_PURGED if status is None else (status,),
        rendered_before=None,
        asset_ids=(),
    )
    is_narrowed = any((category, source_host, since, until, having_tag, status))
    if bool(assets) == (tenant is not None) or (is_narrowed and tenant is None):
        raise typer.BadParameter("name assets, or a --tenant and what to erase of it")
    if tenant is None:
        _erase_named(load(), assets or [], key_file, no_wait=no_wait, as_json=as_json)
        return
    typed = EraseTenantOptions(
        request=ErasureRequest(
            tenant_id=TenantId(tenant),
            filter=wanted,
            source_host=source_host and source_host.lower(),
            is_whole=not is_narrowed,
        ),
        is_dry_run=dry_run,
        is_sure=yes,
        as_json=as_json,
    )
    erase_tenant(load(), typed)


def _erase_named(
    settings: Settings, assets: list[str], key_file: KeyFile, *, no_wait: bool, as_json: bool
) -> None:
    key = read_api_key(settings, key_file)
    ids = _ids(assets)
    with (
        ApiClient(settings.command_base_url, key) as commands,
        ApiClient(settings.query_base_url, key) as queries,
    ):
        for asset_id in ids:
            commands.delete(f"/v1/assets/{asset_id}", f"erase-delete-{asset_id}")
            commands.post(f"/v1/assets/{asset_id}/purge", {}, f"erase-purge-{asset_id}")
        found = _watched(
            ids, lambda one: dict(queries.get(f"/v1/assets/{one}").body), no_wait=no_wait
        )
    show_table(
        [
            {"asset": one["asset_id"], "status": one["status"], "erased": one["erased_at"] or ""}
            for one in found
        ],
        as_json=as_json,
    )


def _ids(assets: list[str]) -> list[str]:
    typed = [one for one in assets if one != _STDIN]
    piped = sys.stdin.read().split() if _STDIN in assets else []
    return list(dict.fromkeys([*typed, *piped]))


def _watched(
    ids: list[str], look: Callable[[str], dict[str, Any]], *, no_wait: bool
) -> list[dict[str, Any]]:
    found = {asset_id: look(asset_id) for asset_id in ids}
    if no_wait:
        return list(found.values())
    with progress_bars() as shown:
        bar = shown.add_task("erased", total=len(ids))
        while True:
            open_ones = [asset_id for asset_id, one in found.items() if not one["erased_at"]]
            shown.update(bar, completed=len(ids) - len(open_ones))
            if not open_ones:
                return list(found.values())
            time.sleep(_POLL_SECONDS)
            found |= {asset_id: look(asset_id) for asset_id in open_ones}
