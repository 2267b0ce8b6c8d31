"""Responses to writes: the outcome of a command as HTTP."""

from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel, JsonValue
from starlette.responses import Response

from command_api.requests.admission import WriteRequest
from command_api.responses.json_response import json_response
from domain import errors
from domain.asset.description import description_json
from domain.bulk_operation.values import OperationState
from domain.errors import Refusal
from domain.outcomes import (
    AssetSnapshot,
    CategorySnapshot,
    CommandAccepted,
    CommandRefused,
    Outcome,
)
from domain.values import FocalPoint, Status
from infra.http.position_header import POSITION_HEADER, position_to_header
from infra.http.timestamps import format_timestamp

_REFUSALS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, Refusal)
}


class AssetWriteAnswer(BaseModel):
    """An asset as the write left it; the query API tells more."""

    asset_id: str
    status: Status
    version: int
    created_at: str
    source_url: str | None
    file_name: str | None
    categories: tuple[str, ...]
    title: str
    alt_text: str
    tags: tuple[str, ...]
    metadata: dict[str, JsonValue]
    focal_point: FocalPoint | None
    preset: str
    public_url: str
    links: dict[str, str]


class CategoryWriteAnswer(BaseModel):
    """A category as the write left it."""

    category_id: str
    slug: str
    name: str
    parent_id: str | None
    is_archived: bool
    version: int
    links: dict[str, str]


class OperationWriteAnswer(BaseModel):
    """An operation as the write left it; the query API tells how it gets on."""

    operation_id: str
    state: OperationState | None
    links: dict[str, str]


class PendingAnswer(BaseModel):
    """A write that is durable and not yet decided, or not known to be."""

    command_id: str
    status: Literal["pending"]
    links: dict[str, str]


class WriteResponses:
    """Makes responses; ``query_url`` and ``public_url`` are the public URLs of the query API."""

    def __init__(self, query_url: str, public_url: str) -> None:
        self._query_url = query_url.rstrip("/")
        self._public_url = public_url.rstrip("/")

    def decided(self, outcome: Outcome | None, write: WriteRequest, status: int) -> Response:
        """Answer a write with its outcome; None means that there is none yet.

        Raises the Refusal of a command that was refused.
        """
        match outcome:
            case None:
                return self._pending(write)
            case CommandRefused():
                raise refusal(outcome)
            case CommandAccepted(asset=AssetSnapshot() as asset):
                answer: AssetWriteAnswer | CategoryWriteAnswer = self._asset(asset)
            case CommandAccepted(category=CategorySnapshot() as category):
                answer = self._category(category)
            case _:
                raise TypeError(f"{outcome} shows neither asset nor category")
        headers = {"ETag": f'"{answer.version}"'}
        if status in (HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
            headers["Location"] = answer.links["self"]
        if outcome.position is not None:
            headers[POSITION_HEADER] = position_to_header(outcome.position)
        return json_response(answer, status, headers)

    def operation(
        self,
        outcome: Outcome | None,
        write: WriteRequest,
        status: int,
        state: OperationState | None,
    ) -> Response:
        """Answer a write to an operation with its outcome; None means that there is none yet.

        ``state`` is what it is in once such a write took effect. Raises the Refusal.
        """
        if outcome is None:
            return self._pending(write)
        if isinstance(outcome, CommandRefused):
            raise refusal(outcome)
        link = f"{self._query_url}/v1/operations/{outcome.entity_id}"
        headers = {"Location": link} if status == HTTPStatus.ACCEPTED else {}
        if outcome.position is not None:
            headers[POSITION_HEADER] = position_to_header(outcome.position)
        answer = OperationWriteAnswer(
            operation_id=outcome.entity_id,
            state=state,
            links={"self": link, "items": f"{link}/items"},
        )
        return json_response(answer, status, headers)

    def _pending(self, write: WriteRequest) -> Response:
        link = f"{self._query_url}/v1/commands/{write.command_id}"
        headers = {"Location": link}
        if write.preference.applied:
            headers["Preference-Applied"] = write.preference.applied
        answer = PendingAnswer(
            command_id=write.command_id, status="pending", links={"command": link}
        )
        return json_response(answer, HTTPStatus.ACCEPTED, headers)

    def _asset(self, asset: AssetSnapshot) -> AssetWriteAnswer:
        link = f"{self._query_url}/v1/assets/{asset.asset_id}"
        public_url = f"{self._public_url}/i/{asset.asset_id}"
        return AssetWriteAnswer(
            asset_id=asset.asset_id,
            status=asset.status,
            version=asset.version,
            created_at=format_timestamp(asset.created_at),
            source_url=asset.source.url,
            file_name=asset.source.file_name,
            categories=asset.category_ids,
            preset=asset.preset,
            public_url=public_url,
            links={"self": link, "events": f"{link}/events", "public": public_url},
            **description_json(asset.description),
        )

    def _category(self, category: CategorySnapshot) -> CategoryWriteAnswer:
        link = f"{self._query_url}/v1/categories/{category.category_id}"
        return CategoryWriteAnswer(
            category_id=category.category_id,
            slug=category.slug,
            name=category.name,
            parent_id=category.parent_id,
            is_archived=category.is_archived,
            version=category.version,
            links={"self": link, "assets": f"{link}/assets"},
        )


def refusal(outcome: CommandRefused) -> Refusal:
    """Make the refusal again that the decider raised; one of a newer release is a plain one."""
    return _REFUSALS.get(outcome.problem, Refusal)(outcome.detail, dict(outcome.members))
