"""Routes of dead letters: list, show, retry, drop."""

import asyncio
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query

from command_api.requests.dead_letter_parameters import DeadLetterParameters
from command_api.responses.dead_letter_responses import (
    DeadLetterAnswer,
    DeadLettersAnswer,
    RetriedAnswer,
    WholeDeadLetterAnswer,
    dead_letter_response,
    full_dead_letter_response,
)
from infra.http.access import Access
from infra.http.openapi import documented
from infra.kafka.dead_letter_queue import DeadLetterNotFound
from infra.kafka.producer import RecordSender
from read_models.dead_letters import DeadLetterCannotBeSent, DeadLetterQueue

_PATH = "/v1/admin/dead-letters"
_NOT_FOUND = documented(DeadLetterNotFound)
_NOT_SENT = documented(DeadLetterNotFound, DeadLetterCannotBeSent)


def add_dead_letter_routes(
    app: FastAPI, access: Access, queue: DeadLetterQueue, sender: RecordSender
) -> None:
    """Add the routes; each needs the scope ``admin``, and sees every tenant's letters."""
    guarded: dict[str, Any] = {
        "tags": ["operation"],
        "dependencies": [Depends(access.needs("admin"))],
    }
    parameters = Query()

    @app.get(_PATH, response_model=DeadLettersAnswer, responses=_NOT_FOUND, **guarded)
    async def list_letters(asked: Annotated[DeadLetterParameters, parameters]) -> Any:  # noqa: ANN401 - the model says what
        """List what waits for an operator, in bounded pages."""
        page = await asyncio.to_thread(
            queue.page, asked.wanted(), topic=asked.topic, after=asked.after, at_most=asked.limit
        )
        return {
            "items": [dead_letter_response(each) for each in page.letters],
            "next": page.next_after,
        }

    @app.post(f"{_PATH}/retry", response_model=RetriedAnswer, responses=_NOT_FOUND, **guarded)
    async def retry_many(asked: Annotated[DeadLetterParameters, parameters]) -> Any:  # noqa: ANN401 - as above
        """Try one page of them again; those that must not be sent are named and left alone."""
        page = await asyncio.to_thread(
            queue.page, asked.wanted(), topic=asked.topic, after=asked.after, at_most=asked.limit
        )
        retried, refused = [], []
        for entry in page.letters:
            try:
                await queue.retry(sender, entry)
            except DeadLetterCannotBeSent as error:
                refused.append({"letter_id": entry.letter_id, "detail": str(error)})
            else:
                retried.append(entry.letter_id)
        return {"retried": retried, "refused": refused, "next": page.next_after}

    @app.get(
        f"{_PATH}/{{letter_id}}",
        response_model=WholeDeadLetterAnswer,
        responses=_NOT_FOUND,
        **guarded,
    )
    async def show_letter(letter_id: str) -> Any:  # noqa: ANN401 - as above
        """Show one with its bytes and what they say."""
        return full_dead_letter_response(await asyncio.to_thread(queue.entry, letter_id))

    @app.post(
        f"{_PATH}/{{letter_id}}/retry",
        response_model=DeadLetterAnswer,
        responses=_NOT_SENT,
        **guarded,
    )
    async def retry_one(letter_id: str) -> Any:  # noqa: ANN401 - as above
        """Try it again; one that is settled already is left alone."""
        await queue.retry(sender, await asyncio.to_thread(queue.entry, letter_id))
        return dead_letter_response(await asyncio.to_thread(queue.entry, letter_id))
