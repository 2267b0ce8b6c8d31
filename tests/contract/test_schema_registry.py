"""Schemas are found by id, and by subject and version."""

import json

import pytest
from fastavro import parse_schema

from avro_schemas.errors import UnknownSchema
from avro_schemas.registry import newest, schema, schemas, subjects, versions


@pytest.mark.parametrize("schema_id", schemas())
def test_a_schema_is_found_by_id_and_by_subject_and_version(schema_id: int) -> None:
    found = schema(schema_id)
    assert found.schema_id == schema_id
    assert versions(found.subject)[found.version] is found


@pytest.mark.parametrize("subject", subjects())
def test_the_newest_version_has_the_highest_number(subject: str) -> None:
    name = subject.removeprefix("scalehoster.")
    assert newest(name).version == max(versions(subject))


def test_a_subject_is_the_messages_full_name() -> None:
    assert "scalehoster.AssetPublished" in subjects()


def test_the_text_alone_is_a_whole_schema() -> None:
    for found in schemas().values():
        assert parse_schema(json.loads(found.text))


def test_an_id_that_is_not_ours_is_unknown() -> None:
    with pytest.raises(UnknownSchema, match="1000000"):
        schema(1_000_000)


def test_a_subject_that_is_not_ours_is_unknown() -> None:
    with pytest.raises(UnknownSchema, match="no subject elsewhere"):
        versions("elsewhere.AssetPublished")


def test_a_message_that_is_not_ours_is_unknown() -> None:
    with pytest.raises(UnknownSchema):
        newest("AssetPainted")
