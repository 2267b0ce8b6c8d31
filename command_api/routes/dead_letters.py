"""What nobody could work on: an operator looks at it and has it tried again."""

import asyncio
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query

from command_api.letters import (
    LetterAnswer,
    LetterPage,
    LetterParameters,
    RetriedAnswer,
    WholeLetterAnswer,
    letter_answer,
    whole_letter_answer,
)
from infra.dead_letters import DeadLetterCannotBeSent, DeadLetterNotFound, LetterSender, Shelf
from infra.web.access import Access
from infra.web.openapi import documented

_PATH = "/v1/admin/dead-letters"
_NOT_FOUND = documented(DeadLetterNotFound)
_NOT_SENT = documented(DeadLetterNotFound, DeadLetterCannotBeSent)


def add_dead_letter_routes(
    app: FastAPI, access: Access, shelf: Shelf, sender: LetterSender
) -> None:
    """Add the routes; each needs the scope ``admin``, and sees every tenant's letters."""
    guarded: dict[str, Any] = {
        "tags": ["operation"],
        "dependencies": [Depends(access.needs("admin"))],
    }
    parameters = Query()

    @app.get(_PATH, response_model=LetterPage, responses=_NOT_FOUND, **guarded)
    async def list_letters(asked: Annotated[LetterParameters, parameters]) -> Any:  # noqa: ANN401 - the model says what
        """List what waits for an operator, in bounded pages."""
        page = await asyncio.to_thread(
            shelf.page, asked.wanted(), topic=asked.topic, after=asked.after, at_most=asked.limit
        )
        return {"items": [letter_answer(each) for each in page.letters], "next": page.next_after}

    @app.post(f"{_PATH}/retry", response_model=RetriedAnswer, responses=_NOT_FOUND, **guarded)
    async def retry_many(asked: Annotated[LetterParameters, parameters]) -> Any:  # noqa: ANN401 - as above
        """Try one page of them again; those that must not be sent are named and left alone."""
        page = await asyncio.to_thread(
            shelf.page, asked.wanted(), topic=asked.topic, after=asked.after, at_most=asked.limit
        )
        retried, refused = [], []
        for letter in page.letters:
            try:
                await shelf.retry(sender, letter)
            except DeadLetterCannotBeSent as error:
                refused.append({"letter_id": letter.letter_id, "detail": str(error)})
            else:
                retried.append(letter.letter_id)
        return {"retried": retried, "refused": refused, "next": page.next_after}

    @app.get(
        f"{_PATH}/{{letter_id}}", response_model=WholeLetterAnswer, responses=_NOT_FOUND, **guarded
    )
    async def show_letter(letter_id: str) -> Any:  # noqa: ANN401 - as above
        """Show one with its bytes and what they say."""
        return whole_letter_answer(await asyncio.to_thread(shelf.letter, letter_id))

    @app.post(
        f"{_PATH}/{{letter_id}}/retry", response_model=LetterAnswer, responses=_NOT_SENT, **guarded
    )
    async def retry_one(letter_id: str) -> Any:  # noqa: ANN401 - as above
        """Try it again; one that is settled already is left alone."""
        await shelf.retry(sender, await asyncio.to_thread(shelf.letter, letter_id))
        return letter_answer(await asyncio.to_thread(shelf.letter, letter_id))
