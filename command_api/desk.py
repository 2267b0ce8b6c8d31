"""What every route works with: writes come in, commands go out, decisions come back."""

from dataclasses import dataclass

from starlette.responses import Response

from command_api.answers import Answers
from command_api.asking import Asker
from command_api.fields import Rules
from command_api.uploads import Uploads
from command_api.writes import Admission, Write
from domain.commands import AssetCommand, CatalogueCommand


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
