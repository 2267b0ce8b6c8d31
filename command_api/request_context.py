"""The request context: what all routes share, from an admitted write to its response."""

from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from command_api.requests.admission import Admission, WriteRequest
from command_api.requests.fields import RequestRules
from command_api.responses.write_responses import WriteResponses
from command_api.upload_staging import UploadStaging
from domain.asset.commands import AssetCommand
from domain.bulk_operation.commands import OperationCommand, RevertOperation, StartOperation
from domain.bulk_operation.values import OperationState
from domain.category.commands import CatalogueCommand
from domain.outcomes import Outcome
from infra.decider_runtime.command_client import CommandClient


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """The parts that the routes share."""

    admission: Admission
    command_client: CommandClient[Outcome]
    answers: WriteResponses
    uploads: UploadStaging
    rules: RequestRules
    longest_wait_seconds: float

    async def decide(
        self, command: AssetCommand | CatalogueCommand, write: WriteRequest, status: int = 200
    ) -> Response:
        """Put a command to the decider and answer with what it says, within the wait preferred.

        Raises the Refusal, Overloaded or BrokerUnavailable.
        """
        outcome = await self.command_client.ask(command, write.preference.wait_seconds)
        return self.answers.decided(outcome, write, status)

    async def operate(
        self, command: OperationCommand, write: WriteRequest, state: OperationState | None
    ) -> Response:
        """Put a command to the operator and answer with what it says, as ``decide`` does.

        ``state`` is what the operation is in once the command took effect, if that follows.
        """
        outcome = await self.command_client.ask(command, write.preference.wait_seconds)
        begins = isinstance(command, StartOperation | RevertOperation)
        status = HTTPStatus.ACCEPTED if begins else HTTPStatus.OK
        return self.answers.operation(outcome, write, status, state)
