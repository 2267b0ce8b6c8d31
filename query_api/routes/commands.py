"""GET /v1/commands: what became of a command."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from infra.http.openapi import documented
from query_api.errors import CommandNotFound
from query_api.parameters import CommandIdPath
from query_api.read_context import ReadContext, ReadContextFactory
from query_api.responses.commands import CommandAnswer, command_answer
from query_api.responses.json_response import json_response
from read_models.commands.projection import COMMANDS
from read_models.commands.queries import find_outcome
from read_models.view_reader import ViewReader


def routes(
    read_contexts: ReadContextFactory, views: ViewReader, problem_base_url: str
) -> APIRouter:
    """Make the route."""
    router = APIRouter(prefix="/v1/commands", tags=["commands"])

    @router.get(
        "/{command_id}", response_model=CommandAnswer, responses=documented(CommandNotFound)
    )
    async def show_command(
        command_id: CommandIdPath,
        context: Annotated[ReadContext, Depends(read_contexts.of(COMMANDS))],
    ) -> Response:
        """Show whether a command was accepted or refused; 404 while it is pending."""
        row = await find_outcome(views, context.tenant_id, command_id)
        if row is None:
            raise CommandNotFound(
                f"no command {command_id} was decided in the last 7 days; if you sent it a moment "
                "ago it may be pending: ask again in a second"
            )
        return json_response(command_answer(row, problem_base_url=problem_base_url))

    return router
