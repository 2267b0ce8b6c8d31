"""One picture of one tenant does not wait for the hundreds of another."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.support.eventually import eventually
from tests.support.installation import Customer, Installation
from tests.support.log_model import LogModel
from tests.support.mutants import SOAK
from tests.support.supplier import Supplier

PATH = "/v1/assets/batch"
BULK = 300 if SOAK == 1 else 5_000
PATIENCE_SECONDS = 200 if SOAK == 1 else 1_800
ENDED_BY = "AssetPublished"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE_SECONDS + 300)]


def test_a_single_insert_is_published_while_anothers_bulk_import_waits(
    installation: Installation,
    customer: Customer,
    stranger: Customer,
    supplier: Supplier,
    tell: Callable[[str], None],
) -> None:
    stranger.create_category("cats")
    rows = [f"{supplier.url(f'picture/{number}.jpg')},cats" for number in range(BULK)]
    answer = customer.commands.post(
        PATH,
        content="\n".join(["download_url,category", *rows]),
        headers={"Content-Type": "text/csv", "Idempotency-Key": "k"},
        timeout=120,
    )
    assert answer.text.count('"accepted"') == BULK

    began = time.monotonic()
    single = stranger.submit(supplier.url("picture/1.jpg"), "cats")

    asset = stranger.ended(single)
    waited = time.monotonic() - began
    published = _ended(LogModel(installation.kafka, customer.tenant_id))
    in_log = datetime.fromisoformat(asset["updated_at"]) - datetime.fromisoformat(
        asset["created_at"]
    )
    tell(
        f"a single insert was published after {in_log.total_seconds():.1f} s and shown after "
        f"{waited:.1f} s; {published} of {BULK} before it were published then"
    )
    assert asset["status"] == "published"
    assert published < BULK * 3 / 4, "the bulk that came first is not through"

    def bulk_has_ended() -> bool:
        return _ended(LogModel(installation.kafka, customer.tenant_id)) == BULK

    eventually(bulk_has_ended, within_seconds=PATIENCE_SECONDS, every_seconds=1)
    tell(f"and the last of those {time.monotonic() - began:.0f} s after it was sent")


def _ended(log: LogModel) -> int:
    return sum(ENDED_BY in told.names for told in log.assets.values())
