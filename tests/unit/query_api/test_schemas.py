"""The schema registry as Confluent's clients ask it."""

import json

from starlette.testclient import TestClient

from avro_schemas import registry
from avro_schemas.codec import encode
from domain.outcomes import CommandAccepted
from domain.values import CommandId
from tests.support.samples import ACME, NOON


def test_the_id_in_a_frame_leads_to_its_schema(nobody: TestClient) -> None:
    accepted = CommandAccepted(
        command_id=CommandId("c1"),
        tenant_id=ACME,
        entity_id="a1",
        decided_at=NOON,
        position=None,
        events=(),
        asset=None,
        category=None,
    )
    schema_id = int.from_bytes(encode(accepted)[1:5], "big")
    answer = nobody.get(f"/schemas/ids/{schema_id}").json()
    assert json.loads(answer["schema"])["name"] == "CommandAccepted"


def test_every_version_of_every_subject_is_served(nobody: TestClient) -> None:
    subjects = nobody.get("/subjects").json()
    assert subjects == registry.subjects()
    for subject in subjects:
        numbers = nobody.get(f"/subjects/{subject}/versions").json()
        newest = nobody.get(f"/subjects/{subject}/versions/latest").json()
        assert newest == nobody.get(f"/subjects/{subject}/versions/{numbers[-1]}").json()
        assert (newest["subject"], newest["version"]) == (subject, numbers[-1])
        by_id = nobody.get(f"/schemas/ids/{newest['id']}").json()
        assert by_id["schema"] == newest["schema"]


def test_what_does_not_exist_is_told_with_confluents_codes(nobody: TestClient) -> None:
    for path, code in (
        ("/schemas/ids/99999", "40403"),
        ("/subjects/nothing/versions", "40401"),
        ("/subjects/nothing/versions/latest", "40401"),
        ("/subjects/scalehoster.AssetPublished/versions/99", "40402"),
        ("/subjects/scalehoster.AssetPublished/versions/first", "40402"),
    ):
        answer = nobody.get(path)
        assert answer.status_code == 404
        assert answer.json()["error_code"] == code
