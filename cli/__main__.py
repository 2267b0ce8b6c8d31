"""``scalehoster``: operates the platform."""

import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from avro_schemas.encryption import use_encryptor
from cli.commands import (
    blobs,
    consistency,
    dead_letters,
    events,
    keys,
    operations,
    rebuild,
    topics,
    webhooks,
)
from cli.commands.demo import run_demo
from cli.commands.erase import erase
from cli.commands.import_file import import_file
from cli.local_platform.health_checks import examine
from cli.local_platform.platform import local_platform
from cli.local_platform.services import SERVICES
from cli.output import AsJson, errors, say, show_table
from domain.errors import ScaleHosterError
from infra.encryption import installation_keyring
from infra.settings import load

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Operate ScaleHoster on this machine.",
)
app.add_typer(blobs.app, name="blobs")
app.add_typer(consistency.app, name="consistency")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(events.app, name="events")
app.add_typer(keys.app, name="keys")
app.add_typer(operations.app, name="operations")
app.add_typer(rebuild.app, name="rebuild")
app.add_typer(topics.app, name="topics")
app.add_typer(webhooks.app, name="webhooks")
app.command("import")(import_file)
app.command("erase")(erase)

_FAILED = 1
_NOT_WELL = 3


@app.callback()
def _with_keys() -> None:
    """Have every command read what is sealed; the keyring is opened by the first that does."""
    use_encryptor(installation_keyring(load()))


@app.command()
def up(
    *,
    only_servers: Annotated[
        bool, typer.Option("--servers", help="Only Kafka and Cassandra, with topics and tables.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start Kafka, Cassandra and every service; what runs already is left alone."""
    platform = local_platform()
    if only_servers:
        platform.up_servers(say)
    else:
        platform.up(say)
    show_table(_status(), as_json=as_json)


@app.command()
def watch() -> None:
    """Start everything, and start again what ends by itself, until `down` or Ctrl-C.

    Ctrl-C and SIGTERM end the watch; the platform goes on.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    platform = local_platform()
    try:
        say("watching; Ctrl-C ends the watch, scalehoster down stops the platform")
        platform.watch(say)
    except KeyboardInterrupt:
        say("not watched any more; the platform goes on")
    else:
        say("the platform was stopped")


@app.command()
def down() -> None:
    """Stop everything; the data stays."""
    local_platform().down(say)


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show what runs; exit 3 when something does not."""
    rows = _status()
    show_table(rows, as_json=as_json)
    if not all(row["running"] for row in rows):
        raise typer.Exit(_NOT_WELL)


@app.command()
def demo(*, as_json: AsJson = False) -> None:
    """Start everything and import real photographs, with a few bad links among them."""
    run_demo(as_json=as_json)


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Look at everything the platform needs; exit 3 when something is not well."""
    findings = list(examine(local_platform()))
    show_table(
        [
            {
                "": "ok" if finding.is_well else "NOT WELL",
                "what": finding.what,
                "seen": finding.seen,
                "do": "" if finding.is_well else finding.advice,
            }
            for finding in findings
        ],
        as_json=as_json,
    )
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(_NOT_WELL)


def _status() -> list[dict[str, object]]:
    platform = local_platform()
    servers: list[dict[str, object]] = [
        {
            "name": server.name.lower(),
            "running": server.is_ready,
            "pid": server.pid or "",
            "where": server.address,
            "log": server.log,
        }
        for server in platform.cluster.status()
    ]
    services: list[dict[str, object]] = [
        {
            "name": service.name,
            "running": platform.services[service].pid is not None,
            "pid": platform.services[service].pid or "",
            "where": "",
            "log": platform.services[service].log,
        }
        for service in SERVICES
    ]
    return servers + services


def main() -> None:
    """Run the command that was typed; an error of ours is one sentence and exit 1."""
    guarded(app)


def guarded(run: Callable[[], object]) -> None:
    """Say what went wrong in one sentence instead of a stack."""
    try:
        run()
    except (ScaleHosterError, OSError) as error:
        errors.print(f"scalehoster: {error}", style="bold red", soft_wrap=True, highlight=False)
        sys.exit(_FAILED)


if __name__ == "__main__":
    main()
