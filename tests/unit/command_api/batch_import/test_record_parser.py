"""Reading the lines of a batch in its three forms."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command_api.batch_import.batch_record import BatchRecord
from command_api.batch_import.record_parser import CSV, JSON, NDJSON, open_records
from infra.http.errors import MalformedCsv, MalformedJson

MOST = 200
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def lines(tmp_path: Path, content: bytes, media_type: str, most: int = MOST) -> list[BatchRecord]:
    file = tmp_path / "batch"
    file.write_bytes(content)
    with open_records(file, media_type, most) as found:
        return list(found)


def rows(tmp_path: Path, content: str) -> list[tuple[int, object]]:
    return [
        (line.number, type(line.fault).__name__ if line.fault else json.loads(line.text))
        for line in lines(tmp_path, content.encode(), CSV)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(values, max_size=6), indent=st.none() | st.integers(0, 3))
def test_an_array_has_the_items_that_were_put_into_it(
    tmp_path: Path, items: list[object], indent: int | None
) -> None:
    content = json.dumps(items, indent=indent).encode()
    found = lines(tmp_path, content, JSON, most=10_000)
    assert [json.loads(line.text) for line in found] == items
    assert [line.number for line in found] == list(range(1, len(items) + 1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(values, min_size=1, max_size=4), cut=st.integers(1, 20))
def test_an_array_that_is_cut_off_is_never_taken_for_a_whole_one(
    tmp_path: Path, items: list[object], cut: int
) -> None:
    content = json.dumps(items).encode()
    with pytest.raises(MalformedJson):
        lines(tmp_path, content[:-cut], JSON, most=10_000)


def test_items_are_found_wherever_the_file_happens_to_be_read_in_two(tmp_path: Path) -> None:
    items = [12345678, "\u00e4\U0001f431" * 5, {"a": [1.5e10]}, True] * 10_000
    content = json.dumps(items, ensure_ascii=False).encode()
    found = lines(tmp_path, content, JSON)
    assert [json.loads(line.text) for line in found] == items


def test_a_line_may_be_just_as_long_as_the_limit(tmp_path: Path) -> None:
    exact = b'"' + b"x" * (MOST - 2) + b'"'
    longer = exact + b" " * 70_000 + b"x"
    found = lines(tmp_path, b"\n".join([exact, longer, exact]), NDJSON)
    assert [line.fault is None for line in found] == [True, False, True]
    assert [line.number for line in found] == [1, 2, 3]


def test_a_table_as_spreadsheets_write_it(tmp_path: Path) -> None:
    content = (
        "\ufeffDownload_URL; Category;tags;title\r\n"
        'https://example.com/1.jpg;cats;"a;b| c";"A ""fat""\r\ncat"\r\n'
        ";;;\r\n"
        'https://example.com/2.jpg;"cats|dogs"\r\n'
    )
    assert rows(tmp_path, content) == [
        (
            2,
            {
                "download_url": "https://example.com/1.jpg",
                "category": "cats",
                "tags": ["a", "b", "c"],
                "title": 'A "fat"\r\ncat',
            },
        ),
        (5, {"download_url": "https://example.com/2.jpg", "categories": ["cats", "dogs"]}),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        'u1,"open',
        'u1,"open and shut"wrong',
        "u1,cats,too many",
        "u1," + "x" * 300,
        'u1,"' + "x" * 300,
    ],
)
def test_a_bad_row_harms_no_other(tmp_path: Path, bad: str) -> None:
    content = f'download_url,category\nu0,cats\n{bad}\nu2,cats\nu3,"do\ngs"\nu4,cats\n'
    found = rows(tmp_path, content)
    assert [number for number, _ in found] == [2, 3, 4, 5, 7]
    assert isinstance(found[1][1], str)
    assert all(isinstance(row, dict) for number, row in found if number != 3)


def test_a_row_that_is_not_utf_8_is_told_so(tmp_path: Path) -> None:
    content = "download_url,title\nu1,K\u00e4tzchen\nu2,x\n".encode("latin-1")
    first, second = lines(tmp_path, content, CSV)
    assert isinstance(first.fault, MalformedCsv)
    assert "UTF-8" in str(first.fault)
    assert second.fault is None


@pytest.mark.parametrize(
    "header",
    ["", "title", "download_url,colour", "download_url,title,title", "download_url," + "x" * 300],
)
def test_a_header_that_makes_no_sense_is_told(tmp_path: Path, header: str) -> None:
    with pytest.raises(Exception, match=r"header|first row|may have") as told:
        rows(tmp_path, f"{header}\nu1,cats\n")
    assert type(told.value).__name__ in ("MalformedCsv", "BodyTooLarge")


@pytest.mark.parametrize("media_type", [NDJSON, JSON, CSV])
def test_a_long_file_is_never_in_memory_as_a_whole(tmp_path: Path, media_type: str) -> None:
    one = json.dumps({"download_url": "https://example.com/1.jpg", "category": "cats"})
    content = {
        NDJSON: f"{one}\n" * 20_000,
        JSON: "[" + ",".join([one] * 20_000) + "]",
        CSV: "download_url,category\n" + "https://example.com/1.jpg,cats\n" * 20_000,
    }[media_type]
    file = tmp_path / "batch"
    file.write_text(content)
    tracemalloc.start()
    with open_records(file, media_type, 64_000) as found:
        assert sum(1 for _ in found) == 20_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 600_000


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("0.3|0.7", {"x": 0.3, "y": 0.7}),
        (" 0 ; 1 ", {"x": 0, "y": 1}),
        ("0.3", "0.3"),
        ("0.3|0.7|1", "0.3|0.7|1"),
        ("left|top", "left|top"),
        ("nan|0", "nan|0"),
    ],
)
def test_a_focal_point_is_two_numbers_and_anything_else_is_left_to_be_refused(
    tmp_path: Path, cell: str, read: object
) -> None:
    found = rows(tmp_path, f"download_url,focal_point\nhttp://a.example,{cell}\n")
    assert found == [(2, {"download_url": "http://a.example", "focal_point": read})]
