"""Ids of inserts: the same for the same key for ever, and known to nobody who was not told."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from starlette.testclient import TestClient

from command_api.ids import keyed_asset_id
from domain.values import TenantId
from infra.encryption import WHOLE_TENANT, Erasure, KeyringFile, new_keyring
from tests.support.keyrings import fixed_keyring, using_encryptor
from tests.support.samples import ACME, NOON

CAT = {"download_url": "https://example.com/cat.jpg", "category": "cats"}
LINE = b'{"download_url": "https://example.com/cat.jpg", "category": "cats"}\n'
PUBLIC = UUID("6c1f5f5c-3c52-5c0e-9d0f-0f6d8d1b7a11")

Insert = Callable[[TestClient], str]


def by_key(client: TestClient) -> str:
    answer = client.post("/v1/assets", json=CAT, headers={"idempotency-key": "k-1"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["asset_id"])


def by_batch(client: TestClient) -> str:
    headers = {"idempotency-key": "k-1", "content-type": "application/x-ndjson"}
    answer = client.post("/v1/assets/batch", content=LINE, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["asset_id"])


def by_upload(client: TestClient) -> str:
    answer = client.post(
        "/v1/assets",
        files={"file": ("cat.jpg", b"a picture", "image/jpeg")},
        data={"category": "cats"},
        headers={"idempotency-key": "k-1"},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["asset_id"])


INSERTS = pytest.mark.parametrize("insert", [by_key, by_batch, by_upload])


def test_another_keyring_names_other_assets() -> None:
    ours = keyed_asset_id(ACME, "k-1")
    with using_encryptor(new_keyring()):
        assert keyed_asset_id(ACME, "k-1") != ours


def test_no_tenant_can_name_the_assets_of_another() -> None:
    assert keyed_asset_id(ACME, "k-1") != keyed_asset_id(TenantId("globex"), "k-1")


def test_no_id_is_a_hash_of_what_everybody_may_know(client: TestClient) -> None:
    assert by_key(client) != str(uuid5(PUBLIC, f"asset\n{ACME}\nk-1"))


@INSERTS
def test_every_instance_names_alike(insert: Insert, client: TestClient, tmp_path: Path) -> None:
    names = set()
    KeyringFile(tmp_path / "keyring", ["old"]).make(new_keyring())
    for _ in range(2):
        with using_encryptor(KeyringFile(tmp_path / "keyring", ["new", "old"])):
            names.add(insert(client))
    assert len(names) == 1


@INSERTS
def test_a_new_wrapping_key_and_erasures_change_no_id(
    insert: Insert, client: TestClient, tmp_path: Path
) -> None:
    file = KeyringFile(tmp_path / "keyring", ["old"])
    file.make(new_keyring())
    with using_encryptor(file):
        before = insert(client)
    later = KeyringFile(tmp_path / "keyring", ["new", "old"])
    gone = [("asset-1", ACME), (WHOLE_TENANT, "globex")]
    later.erase(Erasure(tenant_id=t, entity_id=e, erased_at=NOON) for e, t in gone)
    with using_encryptor(KeyringFile(tmp_path / "keyring", ["new"])):
        assert insert(client) == before


def test_ids_are_uuids_of_their_own_kind(client: TestClient) -> None:
    named = UUID(by_key(client))
    assert (named.version, named.variant) == (8, "specified in RFC 4122")


@pytest.mark.parametrize("path", ["/v1/assets", "/v1/assets/batch"])
def test_nobody_inserts_for_a_tenant_that_was_erased_a_moment_ago(
    path: str, client: TestClient
) -> None:
    gone = Erasure(tenant_id=ACME, entity_id=WHOLE_TENANT, erased_at=NOON)
    headers = {"idempotency-key": "k-1", "content-type": "application/x-ndjson"}
    with using_encryptor(fixed_keyring().without([gone])):
        if path == "/v1/assets":
            answer = client.post(path, json=CAT, headers={"idempotency-key": "k-1"})
            assert answer.status_code == 401, answer.text
        else:
            (line,) = client.post(path, content=LINE, headers=headers).text.splitlines()
            assert '"status": "refused"' in line, line
            assert '"status": 401' in line, line
