"""A tenant is erased by one command, which may be interrupted; another has all that it had."""

import json
import signal
import subprocess
import sys
from uuid import uuid4

import pytest

from domain.values import TenantId
from infra.encryption import installation_keyring
from infra.http.authentication.api_keys import stored_api_keys
from tests.e2e.test_erasure import hand_over, hits, settings_of
from tests.support.eventually import eventually
from tests.support.installation import Customer, Installation
from tests.support.servers import VAR, Servers
from tests.support.supplier import Supplier
from tests.support.webhook_receiver import HookReceiver

pytestmark = pytest.mark.timeout(400)

INTERRUPTED = 130


def typed(*words: str) -> list[str]:
    return [sys.executable, "-m", "cli", "erase", *words]


def erase(installation: Installation, *words: str) -> str:
    done = subprocess.run(
        typed(*words), env=installation.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def interrupted(installation: Installation, *words: str) -> None:
    """Type Ctrl-C as soon as it says that the key is destroyed."""
    with subprocess.Popen(
        typed(*words), env=installation.environment, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr
        for line in running.stderr:
            if "key is destroyed" in line:
                running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == INTERRUPTED


def test_a_tenant_is_gone_from_every_disk_and_another_is_where_it_was(
    installation: Installation,
    servers: Servers,
    customer: Customer,
    stranger: Customer,
    supplier: Supplier,
    receiver: HookReceiver,
) -> None:
    secret, public = f"canary{uuid4().hex}", uuid4().hex
    stranger.create_category("cats")
    hook = {"url": f"http://{receiver.host}/{secret}", "description": secret}
    answer = customer.commands.post("/v1/webhooks", json=hook)
    assert answer.status_code == 201, answer.text
    theirs = hand_over(customer, supplier, secret, 503)
    wish = {"kind": "tag", "filter": {"all": True}, "tags": [f"{secret}-too"]}
    answer = customer.commands.post("/v1/operations", json=wish)
    assert answer.status_code == 202, answer.text
    operation = f"/v1/operations/{answer.json()['operation_id']}"
    eventually(lambda: customer.queries.get(operation).json().get("state") == "completed")
    assert secret in json.dumps(customer.queries.get(operation).json())
    (kept,) = hand_over(stranger, supplier, public, 504)[:1]
    tenant = str(customer.tenant_id)

    def count() -> bool:
        (row,) = json.loads(erase(installation, "--tenant", tenant, "--dry-run", "--json"))
        return (row["assets to erase"], row["webhook endpoints"]) == (len(theirs), 1)

    assert count()
    narrow = ["--tenant", tenant, "--having-tag", secret, "--yes", "--json"]
    (row,) = json.loads(erase(installation, *narrow))
    assert (row["assets erased"], row["tenant erased"]) == (1, "")
    assert customer.asset(theirs[0])["erased_at"]
    assert customer.asset(theirs[1])["title"] == f"{secret} uploaded"

    interrupted(installation, "--tenant", tenant, "--yes")
    (row,) = json.loads(erase(installation, "--tenant", tenant, "--yes", "--json"))
    assert row["tenant erased"]
    (row,) = json.loads(erase(installation, "--tenant", tenant, "--yes", "--json"))
    assert row["assets erased"] == 0

    assert customer.queries.get("/v1/categories").status_code == 401
    names = [key for key in stored_api_keys(installation.kafka).values() if key.tenant_id == tenant]
    assert [(key.name, key.revoked_at is not None) for key in names] == [("", True)]
    assert installation_keyring(settings_of(installation)).ring().is_erased(tenant)
    disks = (installation.directory, VAR)
    eventually(lambda: hits(secret, *disks) == [], within_seconds=60)
    assert stranger.asset(kept)["title"] == f"{public} described"
    assert not installation_keyring(settings_of(installation)).ring().is_erased(stranger.tenant_id)


def test_a_mistyped_tenant_is_said_to_have_nothing(installation: Installation) -> None:
    tenant = TenantId(f"nobody-{uuid4().hex[:8]}")
    done = subprocess.run(
        typed("--tenant", tenant, "--yes"),
        env=installation.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"there is nothing of a tenant {tenant}" in done.stderr
    assert not installation_keyring(settings_of(installation)).ring().is_erased(tenant)
