"""Many pictures at once: by POST /v1/assets/batch and by ``scalehoster import``."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.local_platform.services import COMMAND_API, DECIDER
from tests.support.eventually import eventually
from tests.support.installation import Customer, Installation
from tests.support.log_model import LogModel
from tests.support.supplier import Supplier

ROOT = Path(__file__).parents[2]
PATH = "/v1/assets/batch"
LINES = 2_500  # three chunks of an import

pytestmark = pytest.mark.timeout(300)


def test_a_table_becomes_public_pictures_and_bad_lines_are_told(
    customer: Customer, supplier: Supplier
) -> None:
    rows = [
        "download_url,category,title",
        f"{supplier.url('picture/101.jpg')},cats,Cat 101",
        "ftp://example.com/a.jpg,cats,No",
        f"{supplier.url('picture/102.jpg')},cats,Cat 102",
        f"{supplier.url('page/1')},cats,A page",
    ]
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "k"}
    answers = [
        customer.commands.post(PATH, content="\r\n".join(rows), headers=headers) for _ in range(2)
    ]
    told = [[json.loads(line) for line in answer.content.splitlines()] for answer in answers]
    first, refused, second, page = told[0]
    assert [line["line"] for line in told[0]] == [2, 3, 4, 5]
    assert refused["status"] == "refused"
    assert refused["problem"]["errors"][0]["pointer"] == "#/download_url"
    assert [line.get("asset_id") for line in told[1]] == [line.get("asset_id") for line in told[0]]
    ended = [customer.ended(line["asset_id"]) for line in (first, second, page)]
    assert [asset["status"] for asset in ended] == ["published", "published", "rejected"]
    assert [asset["title"] for asset in ended] == ["Cat 101", "Cat 102", "A page"]


def test_a_position_of_a_line_is_one_to_read_after(customer: Customer, supplier: Supplier) -> None:
    line = {"download_url": supplier.url("picture/104.jpg"), "category": "cats"}
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "k"}
    answer = customer.commands.post(PATH, content=json.dumps(line), headers=headers).json()
    found = customer.queries.get(
        f"/v1/assets/{answer['asset_id']}", headers={"ScaleHoster-Position": answer["position"]}
    )
    assert found.status_code == 200


@dataclass(frozen=True, kw_only=True)
class Import:
    """``scalehoster import`` of one file, typed any number of times."""

    environment: dict[str, str]
    arguments: tuple[str, ...]
    data_dir: Path

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "import", *self.arguments, "--json"],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ended(self) -> tuple[int, dict[str, Any]]:
        """Type it and wait for its end."""
        with self.start() as process:
            said = process.communicate(timeout=200)[0]
        return process.returncode, json.loads(said)

    def chunks(self) -> int:
        """Count the chunks that the journal has."""
        journals = list((self.data_dir / "imports").glob("*.ndjson"))
        return sum(len(journal.read_bytes().splitlines()) for journal in journals)


@pytest.fixture
def importing(
    installation: Installation, customer: Customer, supplier: Supplier, tmp_path: Path
) -> Import:
    """A file with one bad line, of pictures that the supplier has none of: they end soon."""
    file, key = tmp_path / "pictures.csv", tmp_path / "key"
    rows = [f"{supplier.url(f'none/{number}')},cats" for number in range(LINES - 1)]
    file.write_text("\n".join(["download_url,category", *rows, "u,cats"]))
    key.write_text(customer.commands.headers["Authorization"].removeprefix("Bearer "))
    return Import(
        environment=installation.environment | {"SCALEHOSTER_DATA_DIR": str(tmp_path / "var")},
        arguments=(str(file), "--key-file", str(key), "--keep-refused"),
        data_dir=tmp_path / "var",
    )


def submitted(installation: Installation, customer: Customer) -> int:
    """Count the pictures that the log says were ever submitted."""
    assets = LogModel(installation.kafka, customer.tenant_id).assets.values()
    assert all(told.names.count("AssetSubmitted") == 1 for told in assets)
    return len(assets)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_import_that_was_stopped_goes_on_where_it_was(
    installation: Installation,
    customer: Customer,
    importing: Import,
    how: signal.Signals,
    code: int,
) -> None:
    with importing.start() as process:
        eventually(importing.chunks, within_seconds=60)
        process.send_signal(how)
        assert process.wait(timeout=30) == code
    before = submitted(installation, customer)
    assert 1_000 <= before < LINES - 1
    code, told = importing.ended()
    assert code == 3
    assert (told["lines"], told["accepted"]) == (LINES, LINES - 1)
    assert [each["line"] for each in told["refused"]] == [LINES + 1]
    assert Path(told["kept"]).read_text() == '{"download_url": "u", "category": "cats"}\n'
    assert submitted(installation, customer) == LINES - 1


@pytest.mark.slow
def test_an_import_outlives_the_processes_it_talks_to(
    installation: Installation, customer: Customer, importing: Import
) -> None:
    with importing.start() as process:
        eventually(importing.chunks, within_seconds=60)
        for service in (COMMAND_API, DECIDER):
            installation.services[service].kill()
            installation.restart(service)
        said = process.communicate(timeout=200)[0]
    assert process.returncode == 3
    assert json.loads(said)["accepted"] == LINES - 1
    assert submitted(installation, customer) == LINES - 1
