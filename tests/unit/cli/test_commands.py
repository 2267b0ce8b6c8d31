import json
from pathlib import Path

import httpx2
import pytest
import typer
from typer.testing import CliRunner

from cli.__main__ import app, guarded
from cli.commands.keys import refuse_erased, scopes_of
from cli.output import show_table
from cli.polling import WaitTimedOut, wait_for
from cli.sample_server import samples, serve_samples
from infra.encryption import WHOLE_TENANT, Erasure, KeyringFile
from infra.errors import BrokerUnavailable
from tests.support.samples import NOON


def test_an_error_of_ours_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise BrokerUnavailable("Kafka does not answer; start it with: scalehoster up")

    with pytest.raises(SystemExit) as ended:
        guarded(fail)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.strip() == "scalehoster: Kafka does not answer; start it with: scalehoster up"


def test_every_command_tells_what_it_does() -> None:
    help_of_all = CliRunner().invoke(app, ["--help"]).output
    for command in (
        "up",
        "watch",
        "down",
        "status",
        "demo",
        "doctor",
        "import",
        "keys",
        "operations",
        "topics",
    ):
        assert command in help_of_all
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_a_program_gets_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([{"name": "kafka", "running": True}], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"name": "kafka", "running": True}]


def test_scopes_are_checked() -> None:
    assert scopes_of(["assets:read", "assets:write"]) == ("assets:write", "assets:read")
    with pytest.raises(typer.BadParameter, match="no scope assets:eat"):
        scopes_of(["assets:eat"])


def test_no_key_is_made_for_a_tenant_that_was_erased(tmp_path: Path) -> None:
    keyring = KeyringFile(tmp_path / "keyring", [""])
    refuse_erased(keyring, "acme")
    keyring.make()
    keyring.erase([Erasure(tenant_id="acme", entity_id=WHOLE_TENANT, erased_at=NOON)])
    refuse_erased(keyring, "globex")
    with pytest.raises(typer.BadParameter, match="acme was erased"):
        refuse_erased(keyring, "acme")


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["0190b6f0-0000-7000-8000-000000000013", "--tenant", "acme"],
        ["0190b6f0-0000-7000-8000-000000000013", "--category", "cats"],
        ["--source-host", "pictures.example"],
    ],
)
def test_what_is_to_be_erased_is_said_in_one_way(typed: list[str]) -> None:
    told = CliRunner().invoke(app, ["erase", *typed])
    assert told.exit_code == 2
    assert "name assets, or a --tenant" in told.output


def test_waiting_ends_with_what_was_waited_for() -> None:
    with pytest.raises(WaitTimedOut, match="for the moon"):
        wait_for(lambda: False, "the moon", 0.01)


def test_the_demo_has_real_photographs_and_a_supplier_that_lies() -> None:
    with serve_samples(0) as url:
        for sample in samples():
            answer = httpx2.get(f"{url}/{sample.file}", trust_env=False)
            assert answer.status_code == 200
            assert len(answer.content) > 5_000
        inside = httpx2.get(f"{url}/inside", trust_env=False)
        assert inside.headers["location"].startswith("http://169.254.169.254/")
        assert httpx2.get(f"{url}/missing.jpg", trust_env=False).status_code == 404
    assert len(samples()) >= 12
