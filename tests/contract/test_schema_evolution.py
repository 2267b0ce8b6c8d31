"""What one version of a schema may and may not change, on made-up pairs."""

import json

import pytest

from avro_schemas.evolution import breaks, wrong_defaults

Json = dict[str, object]
MICROS: Json = {"type": "long", "logicalType": "timestamp-micros"}
MILLIS: Json = {"type": "long", "logicalType": "timestamp-millis"}


def record(*fields: Json, **more: object) -> str:
    return json.dumps(
        {"type": "record", "name": "Made", "namespace": "scalehoster", "fields": fields} | more
    )


def field(avro_type: object, name: str = "one", **more: object) -> Json:
    return {"name": name, "type": avro_type} | more


def nested(avro_type: object, **more: object) -> Json:
    return {"type": "record", "name": "Inner", "fields": [field(avro_type)]} | more


@pytest.mark.parametrize(
    ("new", "old"),
    [
        pytest.param(
            record(field("string"), field("long", "two", default=0)),
            record(field("string")),
            id="a field with a default may come",
        ),
        pytest.param(
            record(field("string")),
            record(field("string"), field("long", "two", default=0)),
            id="a field with a default may go",
        ),
        pytest.param(
            record(field(["null", "string"], default=None)),
            record(field("string")),
            id="a required field may become optional for readers",
        ),
        pytest.param(
            record(field("string", "new", aliases=["old"])),
            record(field("string", "old")),
            id="a field may be renamed with an alias",
        ),
        pytest.param(
            record(field("string"), namespace="elsewhere", aliases=["scalehoster.Made"]),
            record(field("string")),
            id="a namespace may change with an alias",
        ),
        pytest.param(
            record(field("string"), doc="Said better."),
            record(field("string"), doc="Said."),
            id="a doc may change",
        ),
    ],
)
def test_this_is_read_as_before(new: str, old: str) -> None:
    assert breaks(new, old) == []


@pytest.mark.parametrize(
    ("new", "old"),
    [
        pytest.param(
            record(field("string"), field("long", "two")),
            record(field("string")),
            id="a field without a default came",
        ),
        pytest.param(record(field("string")), record(field("long")), id="a field changed its type"),
        pytest.param(
            record(field("string")),
            record(field(["null", "string"], default=None)),
            id="an optional field became required",
        ),
        pytest.param(
            record(field("string", "new")),
            record(field("string", "old")),
            id="a field was renamed without an alias",
        ),
        pytest.param(
            record(field(nested("string"))),
            record(field(nested("long"))),
            id="a nested field changed its type",
        ),
    ],
)
def test_avros_own_checker_finds_what_would_not_be_read(new: str, old: str) -> None:
    assert breaks(new, old) != []


@pytest.mark.parametrize(
    ("new", "old", "place"),
    [
        pytest.param(field(MILLIS), field(MICROS), ".one", id="in a field"),
        pytest.param(field("long"), field(MICROS), ".one", id="lost"),
        pytest.param(field(MICROS), field("int"), ".one", id="gained on promotion"),
        pytest.param(
            field(["null", MILLIS]), field(["null", MICROS]), ".one", id="in an optional field"
        ),
        pytest.param(field(["null", MILLIS]), field(MICROS), ".one", id="while it became optional"),
        pytest.param(
            field({"type": "array", "items": MILLIS}),
            field({"type": "array", "items": MICROS}),
            ".one[]",
            id="in an array",
        ),
        pytest.param(
            field({"type": "map", "values": MILLIS}),
            field({"type": "map", "values": MICROS}),
            ".one{}",
            id="in a map",
        ),
        pytest.param(
            field(["null", nested(MILLIS)]),
            field(["null", nested(MICROS)]),
            ".one.one",
            id="in an optional record",
        ),
        pytest.param(
            field(MILLIS, "new", aliases=["one"]), field(MICROS), ".new", id="while it was renamed"
        ),
    ],
)
def test_a_changed_logical_type_breaks(new: Json, old: Json, place: str) -> None:
    (found,) = breaks(record(new), record(old))
    assert found.startswith(f"{place}: logical type")


@pytest.mark.parametrize(
    ("new", "old"),
    [
        pytest.param(
            record(field("string"), namespace="elsewhere"), record(field("string")), id="at the top"
        ),
        pytest.param(
            record(field(["null", nested("string", namespace="elsewhere")])),
            record(field(["null", nested("string")])),
            id="of a nested record",
        ),
    ],
)
def test_a_namespace_changed_without_an_alias_breaks(new: str, old: str) -> None:
    (found,) = breaks(new, old)
    assert found.endswith("without an alias")


@pytest.mark.parametrize(
    ("avro_type", "default"),
    [
        ("long", "0"),
        ("long", True),
        ("string", None),
        ("bytes", 0),
        ("boolean", 0),
        (["null", "long"], 0),
        ({"type": "array", "items": "string"}, [1]),
        ({"type": "map", "values": "string"}, {"a": 1}),
        ({"type": "enum", "name": "Colour", "symbols": ["red"]}, "blue"),
        (nested("string"), {"one": 1}),
        (nested("string"), {}),
    ],
)
def test_a_default_of_another_type_is_named(avro_type: object, default: object) -> None:
    text = record(field(avro_type, default=default))
    (found,) = wrong_defaults(text)
    assert found.startswith(".one: the default")
    assert breaks(text, text) == [found]


@pytest.mark.parametrize(
    ("avro_type", "default"),
    [
        ("long", 0),
        ("double", 1),
        ("bytes", "\x00"),
        (MICROS, 0),
        (["null", "long"], None),
        ({"type": "array", "items": "string"}, ["a"]),
        ({"type": "map", "values": "string"}, {"a": "b"}),
        ({"type": "enum", "name": "Colour", "symbols": ["red"]}, "red"),
        (nested("string"), {"one": "a"}),
    ],
)
def test_a_default_of_the_right_type_passes(avro_type: object, default: object) -> None:
    assert wrong_defaults(record(field(avro_type, default=default))) == []


def test_a_wrong_default_deep_inside_is_named_with_its_place() -> None:
    inner: Json = {"type": "record", "name": "Inner", "fields": [field("long", default="x")]}
    (found,) = wrong_defaults(record(field({"type": "array", "items": inner})))
    assert found.startswith(".one[].one:")
