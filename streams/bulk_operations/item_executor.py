"""The item executor: sends the command of one item and records the outcome."""

import logging
from collections.abc import Sequence

from avro_schemas.errors import KeysLost, Undecodable
from domain.asset.commands import AssetCommand
from domain.asset.events import AssetEvent
from domain.bulk_operation import Operation
from domain.bulk_operation.compensation import AlreadyReverted, RevertConflict, compensate
from domain.bulk_operation.item_commands import (
    asset_command_for,
    category_command_for,
    metadata_for,
)
from domain.bulk_operation.progress import CATEGORY_ITEM
from domain.bulk_operation.values import ItemOutcome, ItemResult
from domain.category.commands import CatalogueCommand
from domain.errors import VersionMismatch
from domain.outcomes import CommandAccepted, CommandRefused, Outcome
from domain.values import AssetId
from infra.decider_runtime.command_client import CommandClient
from infra.errors import InfraError, RecordRefused
from read_models.asset_history.projection import ASSET_HISTORY
from read_models.asset_history.queries import read_events
from read_models.view_reader import ViewReader

_WAIT_SECONDS = 10.0

log = logging.getLogger(__name__)


class ItemExecutor:
    """Sends the command of a single item, and says what became of it.

    An item may be executed any number of times: its command has the same id each time, so it takes
    effect once and its reply is the same.
    """

    def __init__(
        self, client: CommandClient[Outcome], views: ViewReader, reply_partition: int
    ) -> None:
        self._client = client
        self._views = views
        self._reply_partition = reply_partition

    async def execute(self, operation: Operation, item: str) -> ItemOutcome | None:
        """Say what became of an item; None when that is not known yet and must be asked again.

        What goes wrong with one item alone is its outcome, so that the others go on. Raises
        Overloaded, BrokerUnavailable, StoreUnavailable, ViewsMissing, ViewNotBuilt, KeysLost.
        """
        try:
            return await self._executed(operation, item)
        except RecordRefused as trouble:
            return _outcome(item, "refused", code=RecordRefused.__name__, detail=str(trouble))
        except (InfraError, KeysLost):
            raise
        except Exception:
            log.exception("item %s of operation %s", item, operation.operation_id)
            return _outcome(item, "refused", code="InternalError", detail="a fault of ours")

    async def _executed(self, operation: Operation, item: str) -> ItemOutcome | None:
        metadata = metadata_for(operation, item, self._reply_partition)
        if item == CATEGORY_ITEM:
            return await self._sent(item, category_command_for(operation, metadata))
        if operation.reverts is None:
            return await self._sent(item, asset_command_for(operation, metadata))
        try:
            history = await read_events(self._views, operation.tenant_id, AssetId(item))
        except Undecodable as trouble:  # an older shape: one asset must not hold up the others
            return _outcome(item, "refused", code="HistoryUnreadable", detail=str(trouble))
        if not _has_no_gap(history):
            return await self._unless_incomplete(item, None)
        back = compensate(history, operation.reverts, metadata)
        match back:
            case None:  # or what the operation did is what the view does not show
                return await self._unless_incomplete(item, _outcome(item, "unchanged"))
            case AlreadyReverted():
                return _outcome(item, "changed", version=back.version)
            case RevertConflict():
                return _outcome(item, "conflict", detail=str(back))
            case _:
                answer = await self._client.ask(back, _WAIT_SECONDS)
                if _is_outdated(answer):
                    return await self._unless_incomplete(item, None)
                return _item_outcome(item, answer)

    async def _unless_incomplete(
        self, item: str, outcome: ItemOutcome | None
    ) -> ItemOutcome | None:
        """Give the outcome, unless the history lacks an event that nobody should wait for."""
        if await self._views.lacks(ASSET_HISTORY, item):
            detail = (
                f"the view {ASSET_HISTORY.name} lacks events of this asset that it could not take"
            )
            return _outcome(item, "refused", code="HistoryIncomplete", detail=detail)
        return outcome

    async def _sent(
        self, item: str, command: AssetCommand | CatalogueCommand
    ) -> ItemOutcome | None:
        return _item_outcome(item, await self._client.ask(command, _WAIT_SECONDS))


def _is_outdated(answer: Outcome | None) -> bool:
    """Tell whether the asset changed since its history was read, so that it must be read again."""
    return isinstance(answer, CommandRefused) and answer.problem == VersionMismatch.__name__


def _has_no_gap(history: Sequence[AssetEvent]) -> bool:
    versions = [event.metadata.entity_version for event in history]
    return versions == list(range(1, len(versions) + 1))


def _item_outcome(item: str, outcome: Outcome | None) -> ItemOutcome | None:
    match outcome:
        case None:
            return None
        case CommandAccepted(events=()):
            return _outcome(item, "unchanged")
        case CommandAccepted():
            snapshot = outcome.asset or outcome.category
            return _outcome(item, "changed", version=snapshot.version if snapshot else 0)
        case CommandRefused():
            return _outcome(item, "refused", code=outcome.problem, detail=outcome.detail)


def _outcome(
    item: str, result: ItemResult, *, code: str = "", detail: str = "", version: int = 0
) -> ItemOutcome:
    return ItemOutcome(item=item, result=result, code=code, detail=detail, version=version)
