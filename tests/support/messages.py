"""Any message at all, made from the type hints of its class."""

from datetime import UTC, datetime
from enum import Enum
from types import NoneType
from typing import Any, Literal, NewType, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from avro_schemas.codec import KINDS, Message

LONGS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
PLAIN: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: LONGS,
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    bytes: st.binary(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    dict[str, str]: st.dictionaries(st.text(), st.text(), max_size=4),
}


def instances_of(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - a type hint is anything
    """Make values of a class, or of anything that one of its fields may hold."""
    if isinstance(hint, NewType):
        return instances_of(hint.__supertype__)
    if hint in PLAIN:
        return PLAIN[hint]
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return st.sampled_from(arguments)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if get_origin(hint) is tuple:
        return st.lists(instances_of(arguments[0]), max_size=4).map(tuple)
    if NoneType in arguments:
        return st.none() | st.one_of([instances_of(a) for a in arguments if a is not NoneType])
    return st.builds(hint, **{n: instances_of(h) for n, h in get_type_hints(hint).items()})


def messages() -> st.SearchStrategy[Message]:
    """Make messages of every class."""
    return st.one_of([instances_of(kind) for kind in KINDS.values()])
