"""Bytes once written are read for ever; ``make_golden.py`` says how a new version gets its own."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from avro_schemas.codec import KINDS, decode, encode
from avro_schemas.registry import newest, schemas
from tests.contract.make_golden import GOLDEN, key, plain, read_without_us

KEYS = [key(schema) for schema in schemas().values()]
CURRENT = [key(newest(name)) for name in KINDS]


def golden_bytes(name: str) -> bytes:
    return (GOLDEN / f"{name}.bin").read_bytes()


def golden_json(name: str) -> object:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def agrees(today: Any, then: Any) -> bool:  # noqa: ANN401 - JSON is anything
    """Compare what both say; fields that came or went since are left aside."""
    if isinstance(today, dict) and isinstance(then, dict):
        return all(agrees(today[name], then[name]) for name in today.keys() & then.keys())
    if isinstance(today, list) and isinstance(then, list):
        return len(today) == len(then) and all(map(agrees, today, then))
    return bool(today == then)


def test_every_version_has_its_golden_bytes() -> None:
    assert {file.stem for file in GOLDEN.glob("*.bin")} == set(KEYS)


@pytest.mark.parametrize("name", KEYS)
def test_it_can_be_read_without_our_code(name: str) -> None:
    assert plain(read_without_us(name)) == golden_json(name)


@pytest.mark.parametrize("name", KEYS)
def test_todays_code_reads_what_was_written(name: str) -> None:
    message = decode(golden_bytes(name))
    assert type(message).__name__ == name.partition(".")[0]
    assert agrees(plain(asdict(message)), golden_json(name))


@pytest.mark.parametrize("name", CURRENT)
def test_todays_code_writes_the_same_bytes(name: str) -> None:
    assert encode(decode(golden_bytes(name))) == golden_bytes(name)
