"""Logs are lines of JSON."""

import json
import logging
import sys

from infra.logs import JsonLines


def line(message: str, *arguments: object, **more: object) -> dict[str, object]:
    record = logging.getLogger("projections").makeRecord(
        "projections", logging.WARNING, "x.py", 1, message, arguments, None, extra=more
    )
    found: dict[str, object] = json.loads(JsonLines("projections").format(record))
    return found


def test_a_line_says_when_how_bad_who_and_what() -> None:
    found = line("waiting %d s", 3)
    assert found.pop("at")
    assert found == {
        "level": "warning",
        "process": "projections",
        "logger": "projections",
        "message": "waiting 3 s",
    }


def test_what_is_given_besides_is_in_the_line() -> None:
    assert line("x", partitions=[("asset-events", 3)])["partitions"] == [["asset-events", 3]]


def test_what_json_does_not_know_is_written_as_text() -> None:
    assert line("x", cause=ValueError("no"))["cause"] == "no"


def test_a_line_break_stays_inside_the_line() -> None:
    record = logging.makeLogRecord({"msg": "one\ntwo"})
    assert "\n" not in JsonLines("x").format(record)


def test_a_traceback_is_in_the_line() -> None:
    try:
        int("no such month")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    assert "ValueError: invalid literal" in json.loads(JsonLines("x").format(record))["error"]
