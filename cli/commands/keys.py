"""API keys: who may write, read and administrate, for which tenant."""

from collections.abc import Sequence
from typing import Annotated

import typer

from cli.output import AsJson, show_table
from domain.values import TenantId
from infra.encryption import KeyringFile, installation_keyring
from infra.http.authentication.api_keys import (
    SCOPES,
    ApiKey,
    Scope,
    create_api_key,
    stored_api_keys,
    withdraw_api_key,
)
from infra.settings import load

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.command("create")
def create(
    tenant: Annotated[str, typer.Option(help="Whose assets the key opens.")] = "demo",
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(SCOPES)}; default: assets:write and assets:read."),
    ] = None,
    name: Annotated[str, typer.Option(help="What it is for, to know it again.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, this once."""
    scopes = scopes_of(scope or ["assets:write", "assets:read"])
    settings = load()
    if tenant in settings.refused_tenants:
        raise typer.BadParameter(f"{tenant} is refused in production; name another with --tenant")
    refuse_erased(installation_keyring(settings), tenant)
    key, text = create_api_key(settings.kafka.connection(), TenantId(tenant), scopes, name)
    show_table([{**_shown(key), "key": text}], as_json=as_json)


@app.command("list")
def show(*, as_json: AsJson = False) -> None:
    """Show every key, without its text."""
    keys = stored_api_keys(load().kafka.connection())
    show_table([_shown(key) for key in keys.values()], as_json=as_json)


@app.command("revoke")
def revoke_key(key_id: str, *, as_json: AsJson = False) -> None:
    """Make a key worthless in every process, for good."""
    revoked = withdraw_api_key(load().kafka.connection(), key_id)
    show_table([_shown(revoked)], as_json=as_json)


def refuse_erased(keyring: KeyringFile, tenant: str) -> None:
    """Raise typer.BadParameter for a tenant that was erased: whatever it said would be lost."""
    if keyring.exists() and keyring.ring().is_erased(tenant):
        raise typer.BadParameter(f"{tenant} was erased, and its key with it; take another name")


def scopes_of(names: Sequence[str]) -> tuple[Scope, ...]:
    """Check the names of scopes; raises typer.BadParameter."""
    unknown = set(names) - set(SCOPES)
    if unknown:
        raise typer.BadParameter(f"no scope {min(unknown)}; there are {', '.join(SCOPES)}")
    return tuple(scope for scope in SCOPES if scope in names)


def _shown(key: ApiKey) -> dict[str, str]:
    return {
        "id": key.key_id,
        "tenant": key.tenant_id,
        "scopes": " ".join(key.scopes),
        "name": key.name,
        "issued": key.issued_at.isoformat(timespec="seconds"),
        "revoked": key.revoked_at.isoformat(timespec="seconds") if key.revoked_at else "",
    }
