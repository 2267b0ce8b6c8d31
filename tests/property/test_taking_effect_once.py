"""A record of a command may come again by whatever way, at whatever time: it takes effect once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_api.decider.folded_state import FoldedState
from domain.asset.commands import AssetCommand
from tests.property.test_histories import ASSET, SLUGS, asset_commands
from tests.support.fakes.memory_decider import MemoryDecider, folded_state
from tests.support.samples import NOON, create_category, metadata

FORGET = -1


@pytest.fixture(scope="module")
def state() -> Iterator[FoldedState]:
    with folded_state() as made:
        yield made


@settings(max_examples=200)
@given(
    st.lists(asset_commands, min_size=4, max_size=12),
    st.lists(st.tuples(st.integers(FORGET, 11), st.integers(1, 3)), min_size=20, max_size=50),
)
def test_a_command_takes_effect_once_however_often_its_record_comes(
    state: FoldedState, commands: list[AssetCommand], order: list[tuple[int, int]]
) -> None:
    records = [
        replace(command, metadata=metadata(ASSET, key=str(number)))
        for number, command in enumerate(commands)
    ]
    decider = MemoryDecider(state, *map(create_category, SLUGS))
    for number, (named, times) in enumerate(order):
        if named == FORGET:
            decider.forget()
        else:
            record = records[named % len(records)]
            decider.decide(*[record] * times, now=NOON + timedelta(seconds=number))
    assert (
        max(Counter(event.metadata.event_id for event in decider.events).values(), default=1) == 1
    )
    effects = Counter(event.metadata.command_id for event in decider.events)
    assert max(effects.values(), default=1) == 1
