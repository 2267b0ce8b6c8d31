"""What holds for every record on its way into a file and back."""

from io import BytesIO

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.containers import ContainerBroken, LoggedRecord, read_container, write_container

NUMBERS = st.integers(-1, 2**60)  # beyond, Avro has bits that mean nothing
RECORDS = st.lists(
    st.builds(
        LoggedRecord,
        offset=NUMBERS,
        timestamp_ms=NUMBERS,
        key=st.binary(),
        headers=st.lists(st.tuples(st.text(), st.binary()), max_size=3).map(tuple),
        value=st.binary()
        | st.builds(
            lambda schema_id, body: b"\0" + schema_id + body,
            st.binary(min_size=4, max_size=4),
            st.binary(),
        ),
    ),
    max_size=8,
)
ABOUT = {"topic": "asset-events", "partition": "3"}


@given(RECORDS)
def test_a_container_loses_nothing(records: list[LoggedRecord]) -> None:
    assert list(read_container(write_container(records, ABOUT))) == records


@given(RECORDS)
def test_the_same_records_give_the_same_bytes(records: list[LoggedRecord]) -> None:
    assert write_container(records, ABOUT) == write_container(iter(records), ABOUT)


@given(RECORDS)
def test_fastavro_alone_gives_back_every_byte(records: list[LoggedRecord]) -> None:
    opened = fastavro.reader(BytesIO(write_container(records, ABOUT)))
    assert opened.metadata["scalehoster.topic"] == "asset-events"
    values = []
    for found in opened:
        assert isinstance(found, dict)
        framed = found["schema_id"] is not None
        frame = b"\0" + found["schema_id"].to_bytes(4, "big") if framed else b""
        values.append(frame + found["payload"])
    assert values == [record.value for record in records]


@given(RECORDS.filter(bool), st.data())
def test_a_wrong_bit_is_noticed_and_never_read_as_something_else(
    records: list[LoggedRecord], data: st.DataObject
) -> None:
    content = bytearray(write_container(records, ABOUT))
    begin = len(write_container([], ABOUT))  # the file's own header: its SHA-256 guards that
    place = data.draw(st.integers(begin, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    read: list[LoggedRecord] = []
    try:
        read.extend(read_container(bytes(content)))
    except ContainerBroken as broken:
        intact = broken.intact
    else:
        intact = len(read)
        assert intact < len(records)  # a block of none: whoever counts them notices
    assert intact == len(read)
    assert all(record in records for record in read)


def test_the_records_before_a_broken_one_are_read() -> None:
    records = [
        LoggedRecord(offset=n, timestamp_ms=n, key=b"k", headers=(), value=b"value %d" % n)
        for n in range(5)
    ]
    content = write_container(records, ABOUT).replace(b"value 3", b"value 4")
    found = read_container(content)
    assert [next(found) for _ in range(3)] == records[:3]
    with pytest.raises(ContainerBroken, match="record 4"):
        next(found)
