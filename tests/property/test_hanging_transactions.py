"""Whatever part of a transaction's end is forgotten: nothing told is lost, nothing is torn."""

from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.group_consumer import Partition
from infra.kafka.hanging_transactions.recovery import HangingTransactionRecovery
from infra.kafka.topics import ASSET_COMMANDS
from tests.support.fakes.forgetful_broker import Fate, ForgetfulBroker

OURS = "decider-here-0"
EVENTS = [("asset-events", number) for number in range(3)]
ANSWERS = [("command-results", number) for number in range(2)]

# Of each command: its partition, and whether it has an event and an answer.
commands = st.lists(
    st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from([None, *ANSWERS])),
    min_size=1,
    max_size=6,
)


@given(
    batch=commands,
    told=st.sets(st.sampled_from(EVENTS + ANSWERS)),
    are_offsets_told=st.booleans(),
    is_committed=st.booleans(),
    is_confirmed=st.booleans(),
)
def test_a_command_is_done_with_or_is_decided_again(
    *,
    batch: list[tuple[int, bool, Partition | None]],
    told: set[Partition],
    are_offsets_told: bool,
    is_committed: bool,
    is_confirmed: bool,
) -> None:
    broker = ForgetfulBroker(offsets_of=None if are_offsets_told else OURS)
    records: dict[tuple[Partition, int], list[tuple[Partition, int]]] = {}
    ends: dict[Partition, int] = {}
    for number, has_event, answer in batch:
        command = ("asset-commands", number)
        offset = ends.get(command, 0)
        ends[command] = offset + 1
        to = [EVENTS[number]] * has_event + [answer] * (answer is not None)
        records[command, offset] = [(at, len(broker.log.get(at, []))) for at in to if at]
        for at, _ in records[command, offset]:
            end: Fate = "seen" if is_committed else "gone"
            fate: Fate = end if at in told else "open"
            broker.write(OURS, command, offset, at, fate=fate, timestamp_ms=990_000)
    if is_committed and are_offsets_told:
        broker.offsets = dict(ends)
    recovery = HangingTransactionRecovery(
        broker,
        broker.writer,
        "deciders",
        (ASSET_COMMANDS,),
        family="decider-",
        is_folded=lambda *_: False,
        clock=lambda: 1_000.0,
    )
    if is_committed and is_confirmed:
        recovery.note(ends)
    seen_before = {
        place
        for place, lie in records.items()
        if any(broker.log[at][n].fate == "seen" for at, n in lie)
    }

    recovery.recover(broker.writer(OURS), broker)

    assert broker.starts() == {}
    for (command, offset), lie in records.items():
        fates = {broker.log[at][n].fate for at, n in lie}
        if (command, offset) in seen_before:
            assert fates == {"seen"}  # nobody is told of what then goes away
        if not is_committed:
            assert fates <= {"gone"}
        goes_on_at = max(broker.offsets.get(command, 0), recovery.decided.get(command, 0))
        assert offset >= goes_on_at or fates <= {"seen"}
