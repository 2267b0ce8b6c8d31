"""What holds for every message on its way over the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.codec import KINDS, Message, decode, encode
from avro_schemas.errors import KeysLost, Undecodable
from avro_schemas.registry import newest, schemas
from tests.support.keyrings import fixed_keyring
from tests.support.messages import instances_of, messages


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_the_wire_loses_nothing(name: str, data: st.DataObject) -> None:
    message = data.draw(instances_of(KINDS[name]))
    arrived = decode(encode(message))
    assert type(arrived) is type(message)
    assert arrived == message


@given(messages())
def test_the_frame_names_the_newest_schema(message: Message) -> None:
    framed = encode(message)
    assert framed[0] == 0
    assert int.from_bytes(framed[1:5], "big") == newest(type(message).__name__).schema_id


@given(messages())
def test_writing_the_same_message_twice_gives_the_same_bytes(message: Message) -> None:
    assert encode(decode(encode(message))) == encode(message)


@given(messages(), st.data())
def test_a_message_cut_short_is_undecodable(message: Message, data: st.DataObject) -> None:
    framed = encode(message)
    kept = data.draw(st.integers(min_value=0, max_value=len(framed) - 1))
    with pytest.raises(Undecodable):
        decode(framed[:kept])


@given(messages(), st.binary(min_size=1))
def test_bytes_left_over_are_undecodable(message: Message, left_over: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(encode(message) + left_over)


@given(st.binary())
def test_other_frames_are_undecodable(framed: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(b"{" + framed)


@given(st.sampled_from(sorted(schemas())), st.binary(max_size=200))
def test_any_body_is_a_message_or_undecodable(schema_id: int, body: bytes) -> None:
    try:
        message = decode(b"\0" + schema_id.to_bytes(4, "big") + body)
    except Undecodable:
        return
    assert type(message) is KINDS[schemas()[schema_id].name]


@given(messages(), st.data())
def test_one_wrong_byte_is_another_message_or_undecodable(
    message: Message, data: st.DataObject
) -> None:
    framed = bytearray(encode(message))
    place = data.draw(st.integers(min_value=5, max_value=len(framed) - 1))
    framed[place] ^= data.draw(st.integers(min_value=1, max_value=255))
    try:
        arrived = decode(bytes(framed))
    except Undecodable:
        return
    except KeysLost:  # it looks as if another keyring had encrypted a field
        assert fixed_keyring().ring_id in encode(message)
        return
    assert type(arrived) is type(message)
