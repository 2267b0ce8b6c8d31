"""``scalehoster erase --tenant``: preview, confirmation, progress and result."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.output import console, errors, say, show_table
from infra.settings import Settings
from streams.erasure.asset_eraser import ErasureRequest, ErasureScanResult, OnProgress
from streams.erasure.tenant_erasure import ErasurePreview, open_tenant_erasure

_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseTenantOptions:
    """What an operator typed."""

    request: ErasureRequest
    is_dry_run: bool
    is_sure: bool
    as_json: bool


def erase_tenant(settings: Settings, typed: EraseTenantOptions) -> None:
    """Preview an erasure, ask for confirmation unless it was given, and carry it out.

    Raises TenantHasNothing, UnknownCategory, KeysLost, BrokerUnavailable, StoreUnavailable.
    """
    try:
        asyncio.run(_erase(settings, typed))
    except KeyboardInterrupt:
        say("stopped; type the same again to go on")
        raise typer.Exit(_INTERRUPTED) from None


async def _erase(settings: Settings, typed: EraseTenantOptions) -> None:
    async with open_tenant_erasure(settings, typed.request, _say_what_is_waited_for) as erasure:
        found = await erasure.preview()
        if found.erased_at:
            say(f"its key was destroyed at {found.erased_at.isoformat()}")
        _show_preview(typed, found)
        if typed.is_dry_run:
            return
        confirm_erasure(typed, found.assets)
        purged = await erasure.run(_say_that_the_key_is_destroyed, _progress)
        erased_at = erasure.erased_at()
    row = {
        "tenant": typed.request.tenant_id,
        "assets erased": purged,
        "tenant erased": erased_at.isoformat() if erased_at else "",
    }
    show_table([row], as_json=typed.as_json)


def _say_what_is_waited_for() -> None:
    say("waiting for the decider and the views; 'scalehoster status' says what runs")


def _say_that_the_key_is_destroyed() -> None:
    say("its key is destroyed: nothing that was sealed for it can be read any more")


def _show_preview(typed: EraseTenantOptions, preview: ErasurePreview) -> None:
    found, theirs = preview.assets, preview.belongings
    counts: dict[str, int] = {
        "assets to erase": found.wanted,
        "assets being erased": len(found.purged),
        **(theirs.counts if theirs else {}),
    }
    if typed.as_json and typed.is_dry_run:
        show_table([counts], as_json=True)
    if typed.as_json:
        return
    console.print(", ".join(f"{count} {what}" for what, count in counts.items()), highlight=False)
    rows: list[dict[str, object]] = [
        {"what": "asset", "which": one.asset_id, "more": f"{one.status}, {one.created_at:%F}"}
        for one in found.first
    ]
    if theirs:
        rows += [{"what": "API key", "which": k.key_id, "more": k.name} for k in theirs.keys]
        rows += [
            {"what": "webhook", "which": each.endpoint_id, "more": each.url}
            for each in theirs.endpoints
        ]
    if rows:
        show_table(rows, as_json=False)
    if found.wanted > len(found.first):
        console.print(f"and {found.wanted - len(found.first)} more assets", highlight=False)


def confirm_erasure(typed: EraseTenantOptions, found: ErasureScanResult) -> None:
    """Ask for the tenant's name, unless --yes was given; raises typer.Abort for another."""
    if typed.is_sure:
        return
    what = (
        f"everything of {typed.request.tenant_id}"
        if typed.request.is_whole
        else f"{found.wanted} assets"
    )
    answer = typer.prompt(
        f"This erases {what} for good. Type {typed.request.tenant_id} to go on", err=True
    )
    if answer != typed.request.tenant_id:
        raise typer.Abort


@contextmanager
def _progress() -> Iterator[OnProgress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors) as shown:
        task = shown.add_task("erasing", total=None)

        def on_progress(purged: int, left: int) -> None:
            shown.update(task, description=f"{purged} assets purged, {left} not confirmed yet")

        yield on_progress
