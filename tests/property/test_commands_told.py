"""What ``GET /v1/commands/{id}`` tells, however often keys are used again for something else."""

from collections.abc import Callable
from datetime import timedelta
from functools import reduce
from itertools import count
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from avro_schemas.codec import decode
from command_api.decider.command_batch import CommandBatch
from command_api.decider.folded_state import AssetKey, Remembered, StateChanges
from domain import category as catalogues
from domain.asset import Asset
from domain.asset.commands import (
    AssetCommand,
    DeleteAsset,
    DescribeAsset,
    PurgeAsset,
    ReprocessAsset,
    RestoreAsset,
)
from domain.category import EMPTY_CATALOGUE, Catalogue
from domain.commands import CommandMetadata
from domain.outcomes import CommandAccepted, CommandRefused, Outcome
from domain.values import BlobKey, CommandId, TenantId
from infra.kafka.producer import LogPosition
from read_models.commands.projection import COMMANDS, OUTCOMES
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.samples import ACME, NOON, create_category, metadata, set_categories, submit

ASSET = "0190b6f0-0000-7000-8000-000000000001"
TREE = reduce(
    catalogues.evolve,
    catalogues.decide(create_category("cats"), EMPTY_CATALOGUE, NOON),
    EMPTY_CATALOGUE,
)
KINDS: dict[str, Callable[[CommandMetadata, str], AssetCommand]] = {
    "submit": lambda about, body: submit(about, "cats", title=body),
    "describe": lambda about, body: DescribeAsset(metadata=about, patch=f'{{"title": "{body}"}}'),
    "categorise": lambda about, body: set_categories(about, "cats" if body == "a" else "dogs"),
    "reprocess": lambda about, _: ReprocessAsset(metadata=about, preset=None, is_bulk=False),
    "delete": lambda about, _: DeleteAsset(metadata=about),
    "restore": lambda about, _: RestoreAsset(metadata=about),
    "purge": lambda about, _: PurgeAsset(metadata=about),
}


class Known:
    """What a decider has folded; it never forgets, as the log does not."""

    def __init__(self) -> None:
        self.assets: dict[AssetKey, Asset] = {}
        self.answers: dict[CommandId, Remembered] = {}

    def asset(self, _partition: int, key: AssetKey) -> Asset | None:
        return self.assets.get(key)

    def remembered(self, _partition: int, command_id: CommandId) -> Remembered | None:
        return self.answers.get(command_id)

    def take_in(self, changes: StateChanges) -> None:
        self.assets |= changes.assets
        self.answers |= changes.remembered

    def is_held(self, _partition: int, _folder: BlobKey) -> bool:
        return False


class Trees:
    """One category, for ever."""

    def of(self, _tenant_id: TenantId) -> Catalogue:
        return TREE

    def remembered(self, _command_id: CommandId) -> Remembered | None:
        return None

    def catch_up(self) -> None:
        pass


# A request (its key and body), how many seconds later (or earlier: clocks go back) it is decided,
# and whether it ends its transaction.
requests = st.tuples(
    st.sampled_from([f"{kind}-{number}" for kind in KINDS for number in (1, 2)]),
    st.sampled_from(["a", "b", "c"]),
    st.integers(-3, 3),
    st.booleans(),
)


def outcomes_of(asked: list[tuple[str, str, int, bool]]) -> list[Outcome]:
    """Decide it all by the rules of the decider, and collect what is told."""
    known, clock, told, offsets = Known(), [NOON], [], count()
    current = CommandBatch(known, Trees(), lambda: clock[0])
    for key, body, seconds, is_last in asked:
        clock[0] += timedelta(seconds=seconds)
        about = metadata(ASSET, key=key, fingerprint=body, reply_partition=0)
        decision = current.decide(0, KINDS[key.partition("-")[0]](about, body))
        decision.position = LogPosition(topic="asset-events", partition=0, offset=next(offsets))
        current.remember(decision)
        reply = decision.reply()
        assert reply is not None
        told.append(decode(reply))
        if is_last:
            for changes in current.changes.values():
                known.take_in(changes)
            current = CommandBatch(known, Trees(), lambda: clock[0])
    return [each for each in told if isinstance(each, CommandAccepted | CommandRefused)]


@settings(max_examples=300)
@given(st.lists(requests, min_size=20, max_size=60), st.randoms())
def test_an_accepted_command_is_never_told_as_refused(
    asked: list[tuple[str, str, int, bool]], chance: Random
) -> None:
    outcomes = outcomes_of(asked)
    written = [*outcomes, *chance.sample(outcomes, len(outcomes) // 3)]  # some are applied twice
    chance.shuffle(written)
    store = MemoryViewStore()
    for outcome in written:
        store.write(COMMANDS.rows(outcome), generation=1)
    rows = store.rows(OUTCOMES)
    for command_id in {each.command_id for each in outcomes}:
        ours = [each for each in outcomes if each.command_id == command_id]
        shown = rows[min(key for key in rows if key[:2] == (ACME, command_id))]
        is_accepted = any(isinstance(each, CommandAccepted) for each in ours)
        effects = {
            each.position for each in ours if isinstance(each, CommandAccepted) and each.events
        }
        assert len(effects) <= 1
        assert shown["is_accepted"] == is_accepted
        assert shown["position"] in (effects or {""})
