"""What is erased for good is asked for by name."""

from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from cli.commands.erase_tenant import EraseTenantOptions, confirm_erasure
from streams.erasure.asset_eraser import ErasureRequest, ErasureScanResult
from tests.support.samples import ACME
from tests.unit.streams.erasure.test_asset_eraser import ALL

TYPED = EraseTenantOptions(
    request=ErasureRequest(tenant_id=ACME, filter=ALL, source_host=None, is_whole=True),
    is_dry_run=False,
    is_sure=False,
    as_json=False,
)


def asked(typed: EraseTenantOptions, answer: str) -> tuple[int, str]:
    app = typer.Typer()

    @app.command()
    def erase() -> None:
        confirm_erasure(typed, ErasureScanResult(wanted=12, first=[], purged=[]))

    told = CliRunner().invoke(app, [], input=f"{answer}\n")
    return told.exit_code, told.output


@pytest.mark.parametrize(("answer", "code"), [("acme", 0), ("globex", 1), ("yes", 1), ("Acme", 1)])
def test_only_the_tenants_name_lets_it_begin(answer: str, code: int) -> None:
    assert asked(TYPED, answer)[0] == code


def test_it_says_how_much_is_going_to_be_erased() -> None:
    assert "everything of acme for good" in asked(TYPED, "acme")[1]
    assert (
        "12 assets for good"
        in asked(replace(TYPED, request=replace(TYPED.request, is_whole=False)), "acme")[1]
    )


def test_who_is_sure_is_not_asked() -> None:
    assert asked(replace(TYPED, is_sure=True), "no") == (0, "")
