"""One item of an operation: what is asked of the decider for it, and what became of it."""

from avro_schemas.errors import Undecodable
from domain.bulk import ItemOutcome, ItemResult
from domain.commands import AssetCommand, CatalogueCommand
from domain.errors import VersionMismatch
from domain.operation import Operation
from domain.operation.advancing import CATEGORY_ITEM
from domain.operation.commanding import asset_command_for, category_command_for, metadata_for
from domain.operation.compensating import AlreadyBack, Conflict, compensate
from domain.outcomes import CommandAccepted, CommandRefused, Outcome
from domain.values import AssetId
from infra.asking import Asker
from infra.histories import Histories

_WAIT_SECONDS = 10.0


class Items:
    """Deals with single items; the decider's word on each is final.

    An item may be dealt with any number of times: its command has the same id each time, so it
    takes effect once and is answered alike.
    """

    def __init__(self, asker: Asker, histories: Histories, reply_partition: int) -> None:
        self._asker = asker
        self._histories = histories
        self._reply_partition = reply_partition

    async def deal_with(self, operation: Operation, item: str) -> ItemOutcome | None:
        """Say what became of an item; None when that is not known yet and must be asked again.

        Raises Overloaded, BrokerUnavailable, StoreUnavailable, ViewsMissing, ViewNotBuilt.
        """
        metadata = metadata_for(operation, item, self._reply_partition)
        if item == CATEGORY_ITEM:
            return await self._asked(item, category_command_for(operation, metadata))
        if operation.reverts is None:
            return await self._asked(item, asset_command_for(operation, metadata))
        try:
            history = await self._histories.of(operation.tenant_id, AssetId(item))
        except Undecodable as trouble:  # an older shape: one asset must not hold up the others
            return _outcome(item, "refused", code="HistoryUnreadable", detail=str(trouble))
        back = compensate(history, operation.reverts, metadata)
        match back:
            case None:
                return _outcome(item, "unchanged")
            case AlreadyBack():
                return _outcome(item, "changed", version=back.version)
            case Conflict():
                return _outcome(item, "conflict", detail=str(back))
            case _:
                return await self._asked(item, back)

    async def _asked(
        self, item: str, command: AssetCommand | CatalogueCommand
    ) -> ItemOutcome | None:
        return _told(item, await self._asker.ask(command, _WAIT_SECONDS))


def _told(item: str, outcome: Outcome | None) -> ItemOutcome | None:
    match outcome:
        case None:
            return None
        case CommandAccepted(events=()):
            return _outcome(item, "unchanged")
        case CommandAccepted():
            snapshot = outcome.asset or outcome.category
            return _outcome(item, "changed", version=snapshot.version if snapshot else 0)
        case CommandRefused(problem=VersionMismatch.__name__):
            return None  # it changed since its history was read: read it again
        case CommandRefused():
            return _outcome(item, "refused", code=outcome.problem, detail=outcome.detail)


def _outcome(
    item: str, result: ItemResult, *, code: str = "", detail: str = "", version: int = 0
) -> ItemOutcome:
    return ItemOutcome(item=item, result=result, code=code, detail=detail, version=version)
