"""What every route works with: writes come in, commands go out, decisions come back."""

from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from command_api.answers import Answers
from command_api.fields import Rules
from command_api.uploads import Uploads
from command_api.writes import Admission, Write
from domain.bulk import OperationState
from domain.bulk_commands import OperationCommand, RevertOperation, StartOperation
from domain.commands import AssetCommand, CatalogueCommand
from infra.asking import Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The parts that the routes share."""

    admission: Admission
    asker: Asker
    answers: Answers
    uploads: Uploads
    rules: Rules
    longest_wait_seconds: float

    async def decide(
        self, command: AssetCommand | CatalogueCommand, write: Write, status: int = 200
    ) -> Response:
        """Put a command to the decider and answer with what it says, within the wait preferred.

        Raises the Refusal, Overloaded or BrokerUnavailable.
        """
        outcome = await self.asker.ask(command, write.preference.wait_seconds)
        return self.answers.decided(outcome, write, status)

    async def operate(
        self, command: OperationCommand, write: Write, state: OperationState | None
    ) -> Response:
        """Put a command to the operator and answer with what it says, as ``decide`` does.

        ``state`` is what the operation is in once the command took effect, if that follows.
        """
        outcome = await self.asker.ask(command, write.preference.wait_seconds)
        begins = isinstance(command, StartOperation | RevertOperation)
        status = HTTPStatus.ACCEPTED if begins else HTTPStatus.OK
        return self.answers.operation(outcome, write, status, state)
