"""A decider without a broker: its rounds, its folded state, and the log as a list."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from avro_schemas.codec import decode, encode
from command_api.decider.command_batch import CommandBatch, CommandDecision
from command_api.decider.folded_state import FoldedState, Remembered
from domain import category as catalogues
from domain.asset import Asset
from domain.asset.commands import AssetCommand
from domain.asset.events import AssetEvent
from domain.category import EMPTY_CATALOGUE, Catalogue
from domain.category.commands import CatalogueCommand
from domain.outcomes import CommandAccepted, CommandRefused, Outcome
from domain.values import AssetId, CommandId, TenantId
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from tests.support.samples import ACME, NOON

_PARTITION = 0


class MemoryDecider:
    """Decides batches of asset commands on one partition; ``events`` is the log.

    What is folded is the real FoldedState, so what a decider remembers, and what it folds again
    once all of that was lost, is what a real one would.
    """

    def __init__(self, state: FoldedState, *history: CatalogueCommand) -> None:
        self.now = NOON
        self.tree: Catalogue = EMPTY_CATALOGUE
        self.events: list[AssetEvent] = []
        self._state = state
        state.forget(_PARTITION)
        for command in history:
            for event in catalogues.decide(command, self.tree, NOON):
                self.tree = catalogues.evolve(self.tree, event)

    def of(self, _tenant_id: TenantId) -> Catalogue:
        return self.tree

    def remembered(self, _command_id: CommandId) -> Remembered | None:
        return None

    def catch_up(self) -> None: ...

    def asset(self, asset_id: str) -> Asset | None:
        """Show an asset as it is folded."""
        return self._state.asset(_PARTITION, (ACME, AssetId(asset_id)))

    def round(self, now: datetime = NOON) -> CommandBatch:
        """Begin a round, of which nothing is kept."""
        return CommandBatch(self._state, self, lambda: now)

    def decide(self, *commands: AssetCommand, now: datetime = NOON) -> list[Outcome]:
        """Decide a batch as one transaction, and say what its senders are told."""
        current = self.round(now)
        before = len(self.events)
        decisions: list[CommandDecision] = []
        for command in commands:
            decisions.append(decision := current.decide(_PARTITION, command))
            for event in decision.events:
                assert isinstance(event, AssetEvent)
                decision.position = LogPosition(
                    topic="asset-events", partition=_PARTITION, offset=len(self.events)
                )
                self.events.append(event)
        for decision in decisions:
            current.remember(decision)
        if len(self.events) > before:
            changes = current.changes[_PARTITION]
            self._state.apply(_PARTITION, changes, len(self.events))
        return _outcomes([reply for each in decisions if (reply := each.reply()) is not None])

    def forget(self) -> None:
        """Lose all that is folded, and fold the log again."""
        self._state.forget(_PARTITION)
        self._state.fold(
            _PARTITION,
            [
                Record(
                    topic="asset-events",
                    partition=_PARTITION,
                    offset=offset,
                    key=event.asset_id.encode(),
                    value=encode(event),
                    timestamp_ms=0,
                )
                for offset, event in enumerate(self.events)
            ],
        )


def _outcomes(answers: Sequence[bytes]) -> list[Outcome]:
    told = [decode(answer) for answer in answers]
    return [each for each in told if isinstance(each, CommandAccepted | CommandRefused)]


@contextmanager
def folded_state() -> Iterator[FoldedState]:
    """Keep state on disk for as long as it lasts; one will do for any number of deciders."""
    with TemporaryDirectory(prefix="scalehoster-state-") as directory:
        state = FoldedState(Path(directory), "the log of a test")
        try:
            yield state
        finally:
            state.close()
