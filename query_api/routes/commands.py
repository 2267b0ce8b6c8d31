"""GET /v1/commands: what became of a command."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from infra.web.openapi import documented
from query_api.answers import ResponseMapper
from query_api.errors import CommandNotFound
from query_api.json_answer import json_response
from query_api.models import CommandAnswer
from query_api.parameters import CommandIdPath
from query_api.queries import Queries
from query_api.reading import ReadContext, ReadContextFactory
from query_api.views import COMMANDS


def routes(reading: ReadContextFactory, queries: Queries, answers: ResponseMapper) -> APIRouter:
    """Make the route."""
    router = APIRouter(prefix="/v1/commands", tags=["commands"])

    @router.get(
        "/{command_id}", response_model=CommandAnswer, responses=documented(CommandNotFound)
    )
    async def show_command(
        command_id: CommandIdPath, reader: Annotated[ReadContext, Depends(reading.of(COMMANDS))]
    ) -> Response:
        """Show whether a command was accepted or refused; 404 while it is pending."""
        row = await queries.command(reader.tenant_id, command_id)
        if row is None:
            raise CommandNotFound(
                f"no command {command_id} was decided in the last 7 days; if you sent it a moment "
                "ago it may be pending: ask again in a second"
            )
        return json_response(answers.command(row))

    return router
