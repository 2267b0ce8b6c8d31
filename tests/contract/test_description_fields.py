"""Every field of a description is in each place that lists them by hand, and no other field is."""

import inspect
import io
import json
import re
from collections.abc import Iterable
from dataclasses import fields
from importlib.resources import files
from typing import Any

import pytest

from command_api.batch_import.csv_parser import parse_csv
from command_api.requests.asset_bodies import DescriptionPatch, UploadBody
from command_api.requests.body_parser import parse_json
from command_api.requests.fields import RequestRules
from command_api.responses.write_responses import AssetWriteAnswer
from command_api.routes import batches
from domain.asset.description import DESCRIPTION_FIELDS, DescriptionField, description_json
from domain.values import NO_DESCRIPTION, Description, Listing
from infra.http.errors import RequestInvalid
from query_api.responses.assets import AssetAnswer
from query_api.responses.listings import ItemAnswer

NAMES = tuple(field.name for field in DESCRIPTION_FIELDS)
LISTED = {field.name for field in DESCRIPTION_FIELDS if field.is_listed}
RULES = RequestRules(max_categories=3, allowed_origins=frozenset())
LIMITED = [field for field in DESCRIPTION_FIELDS if field.limit]
TABLES = {
    "asset_by_id": set(NAMES),
    "assets_by_category": LISTED,
    "assets_by_date": LISTED,
    "listings_as_of": LISTED,
    "assets_by_shard": {field.name for field in DESCRIPTION_FIELDS if field.is_searched},
}


def described(names: Iterable[str]) -> set[str]:
    """Keep what is a field of a description."""
    return {*names} & {*NAMES}


def test_the_table_names_the_fields_of_the_class_in_their_order() -> None:
    assert tuple(field.name for field in fields(Description)) == NAMES
    assert tuple(description_json(NO_DESCRIPTION)) == NAMES


def test_a_listing_repeats_what_is_listed() -> None:
    assert described(field.name for field in fields(Listing)) == LISTED


def test_each_is_taken_at_an_upload_and_in_a_patch() -> None:
    assert described(UploadBody.model_fields) == {*NAMES} == {*DescriptionPatch.model_fields}


@pytest.mark.parametrize("field", LIMITED, ids=lambda field: field.name)
@pytest.mark.parametrize("body", [UploadBody, DescriptionPatch])
def test_a_body_takes_exactly_what_the_domain_takes(
    body: type[UploadBody | DescriptionPatch], field: DescriptionField
) -> None:
    named = {"category": "cats"} if body is UploadBody else {}
    over: Any = {"text": "x" * (field.limit + 1), "tags": ["x"] * (field.limit + 1)}
    over["json"] = {"x": "x" * (field.limit - len('{"x": ""}') + 1)}
    parse_json(json.dumps({**named, field.name: within(over[field.kind])}), body, RULES)
    with pytest.raises(RequestInvalid, match=f"#/{field.name}"):
        parse_json(json.dumps({**named, field.name: over[field.kind]}), body, RULES)


def within(over: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """Take one away of what is one too many."""
    return {"x": over["x"][1:]} if isinstance(over, dict) else over[1:]


def test_each_but_metadata_may_be_a_column_of_a_csv_file() -> None:
    names = {*NAMES} - {"metadata"}
    header = ",".join(["download_url", *names]).encode()
    line = ",".join(["https://example.com/a.jpg", *names]).encode()
    (record,) = parse_csv(io.BytesIO(header + b"\n" + line), 1_000)
    assert described(json.loads(record.text)) == names
    assert described(re.findall(r"`(\w+)`", inspect.getsource(batches))) == names


def test_each_is_in_the_answers_and_what_is_listed_in_listings() -> None:
    assert described(AssetWriteAnswer.model_fields) == {*NAMES}
    assert described(AssetAnswer.__annotations__) == {*NAMES}
    assert described(ItemAnswer.__annotations__) == LISTED


@pytest.mark.parametrize("view", TABLES)
def test_each_is_a_column_where_it_is_shown_and_encrypted_if_it_is_personal(view: str) -> None:
    written = files("read_models").joinpath(view, "schema.cql").read_text("utf-8")
    columns = dict(re.findall(r"^    (\w+) ([\w<>]+),$", written, re.MULTILINE))
    assert described(columns) == TABLES[view]
    personal = {field.name for field in DESCRIPTION_FIELDS if field.is_personal}
    assert {name for name in TABLES[view] if columns[name] == "blob"} == TABLES[view] & personal
