"""Class and schema say the same of every message, and every version reads every other."""

import json
import re
from dataclasses import is_dataclass
from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from itertools import permutations
from types import NoneType
from typing import Any, Literal, NewType, get_args, get_origin, get_type_hints

import pytest

from avro_schemas.codec import KINDS
from avro_schemas.encryption import plain_schema_text
from avro_schemas.evolution import breaks, wrong_defaults
from avro_schemas.registry import newest, schemas, subjects, versions
from avro_schemas.upcasting import UPCASTERS, first_upcast

IDS: dict[str, int] = json.loads(files("avro_schemas").joinpath("ids.json").read_text("utf-8"))
PLAIN: dict[object, object] = {
    str: "string",
    int: "long",  # takes no more room on the wire than "int"
    bool: "boolean",
    float: "double",
    bytes: "bytes",
    datetime: {"type": "long", "logicalType": "timestamp-micros"},
    dict[str, str]: {"type": "map", "values": "string"},
}


def expected_type(hint: Any, told: set[str]) -> object:  # noqa: ANN401 - a type hint is anything
    """Spell a class's hint as Avro does; a record told before goes by its name."""
    arguments = get_args(hint)
    if isinstance(hint, NewType):
        return expected_type(hint.__supertype__, told)
    if hint in PLAIN:
        return PLAIN[hint]
    if get_origin(hint) is Literal or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return "string"  # a new word must not be unreadable for older readers, as a symbol would
    if get_origin(hint) is tuple:
        return {"type": "array", "items": expected_type(arguments[0], told)}
    if NoneType in arguments:
        return ["null", *(expected_type(a, told) for a in arguments if a is not NoneType)]
    return hint.__name__ if hint.__name__ in told else expected_record(hint, told)


def expected_record(kind: type, told: set[str]) -> dict[str, object]:
    assert is_dataclass(kind)
    assert kind.__doc__
    told.add(kind.__name__)
    return {
        "type": "record",
        "name": kind.__name__,
        "doc": kind.__doc__.splitlines()[0],
        "fields": [
            {"name": name, "type": expected_type(hint, told)}
            for name, hint in get_type_hints(kind).items()
        ],
    }


def without_history(part: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """Leave out what speaks of other versions only."""
    if isinstance(part, dict):
        return {
            key: without_history(value)
            for key, value in part.items()
            if key not in {"default", "aliases"}
        }
    return [without_history(item) for item in part] if isinstance(part, list) else part


@pytest.mark.parametrize("name", KINDS)
def test_the_newest_schema_says_what_the_class_says(name: str) -> None:
    written = json.loads(plain_schema_text(newest(name).text))
    assert written.pop("namespace") == "scalehoster"
    assert without_history(written) == expected_record(KINDS[name], set())


def test_every_message_has_a_schema_and_every_schema_a_message() -> None:
    assert subjects() == sorted(f"scalehoster.{name}" for name in KINDS)


def test_every_file_has_an_id_and_every_id_a_file() -> None:
    written = {file.name for file in files("avro_schemas").iterdir() if file.name.endswith(".avsc")}
    assert written == {f"{name}.avsc" for name in IDS}


def test_ids_are_counted_from_one_in_the_order_they_were_given() -> None:
    assert list(IDS.values()) == list(range(1, len(IDS) + 1))


@pytest.mark.parametrize("subject", subjects())
def test_versions_are_counted_from_one_in_the_order_they_were_given(subject: str) -> None:
    assert list(versions(subject)) == list(range(1, len(versions(subject)) + 1))


@pytest.mark.parametrize("schema_id", schemas())
def test_a_schema_is_named_after_its_file(schema_id: int) -> None:
    schema = schemas()[schema_id]
    written = json.loads(schema.text)
    assert f"{written['namespace']}.{written['name']}" == schema.subject


@pytest.mark.parametrize("schema_id", schemas())
def test_every_default_is_a_value_of_its_type(schema_id: int) -> None:
    text = schemas()[schema_id].text
    assert wrong_defaults(text) == wrong_defaults(plain_schema_text(text)) == []


def test_every_upcaster_leads_to_a_version_that_there_is() -> None:
    for name, version in UPCASTERS:
        assert version + 1 in versions(f"scalehoster.{name}")


@pytest.mark.parametrize("subject", subjects())
def test_every_version_reads_every_other(subject: str) -> None:
    for reader, writer in permutations(versions(subject).values(), 2):
        older, newer = sorted((reader.version, writer.version))
        if first_upcast(reader.name, older, newer):
            continue  # they part there: only newer code reads both
        pair = reader.version, writer.version
        assert breaks(reader.text, writer.text) == [], pair
        assert breaks(plain_schema_text(reader.text), plain_schema_text(writer.text)) == [], pair


def test_every_nested_record_is_named_after_its_file_and_nested_in_a_message() -> None:
    folder = files("avro_schemas")
    texts = "".join(schema.text for schema in schemas().values())
    for file in folder.joinpath("nested").iterdir():
        name = json.loads(file.read_text("utf-8"))["name"]
        assert re.fullmatch(rf"{name}\.v\d+\.avsc", file.name)
        assert f'"name": "{name}"' in texts


def test_no_schema_of_ours_writes_out_a_record_that_another_one_has_too() -> None:
    written: dict[str, list[str]] = {}
    for file in (f for f in files("avro_schemas").iterdir() if f.name.endswith(".avsc")):
        own = file.name.partition(".")[0]
        for name in re.findall(r'"type": "record",\s+"name": "(\w+)"', file.read_text("utf-8")):
            if name != own:
                written.setdefault(name, []).append(own)
    assert {name: where for name, where in written.items() if len({*where}) > 1} == {}
