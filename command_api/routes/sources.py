"""Routes that insert pictures, by URL or by upload, and replace sources."""

from http import HTTPStatus
from typing import TypeVar

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from avro_schemas.errors import KeysLost
from command_api.ids import keyed_asset_id
from command_api.request_context import RequestContext
from command_api.requests.admission import WriteRequest
from command_api.requests.asset_bodies import NoFields, SourceBody, SubmitBody, UploadBody
from command_api.requests.body import RequestBody
from command_api.requests.body_parser import (
    form_fields,
    media_type,
    read_form,
    read_json,
    uploaded_file,
)
from command_api.routes.assets import parse_asset_id
from command_api.routes.route_descriptions import (
    asset_responses,
    describe_write,
    form_body,
    json_body,
)
from command_api.submission import content_of, submission, submit_creating_categories
from domain.asset.commands import ReplaceSource
from domain.errors import (
    AssetAlreadySubmitted,
    AssetIsDeleted,
    AssetIsPurged,
    AssetNotFound,
    CategoryIsArchived,
    TooManyCategories,
    UnknownCategory,
    VersionMismatch,
)
from domain.values import AssetId, Source
from infra.errors import Overloaded
from infra.http.headers import FORM

_Body = TypeVar("_Body", bound=RequestBody)


def add_source_routes(app: FastAPI, request_context: RequestContext) -> None:
    """Add the routes that take pictures in."""

    @app.post(
        "/v1/assets",
        tags=["assets"],
        status_code=HTTPStatus.ACCEPTED,
        openapi_extra=describe_write(
            json_body(SubmitBody), form_body(UploadBody), is_conditional=False
        ),
        responses=asset_responses(
            202, AssetAlreadySubmitted, TooManyCategories, UnknownCategory, CategoryIsArchived
        ),
    )
    async def submit(request: Request) -> Response:
        """Insert a picture by its URL (JSON), or by its bytes (a form with the field file).

        `duplicates` says what becomes of it when it turns out that another asset of yours is
        published with the same bytes: `keep` publishes it too, and `duplicate_of` names the
        older one. `refuse` and `return` reject it with the failure `duplicate`, which names the
        other in `duplicate_of`; with `return` its public URL leads to the other's. What was
        published within the last seconds may be missed.
        """
        with request_context.admission.admit(request) as write:
            asset_id = _new_asset_id(write)
            if media_type(request) == FORM:
                source, body = await _staged(request, request_context, write, asset_id, UploadBody)
            else:
                by_url = await read_json(request, SubmitBody, request_context.rules)
                source, body = by_url.source(), by_url
            return await _submit(request_context, write, asset_id, source, body)

    @app.put(
        "/v1/assets/{asset_id}/source",
        tags=["assets"],
        status_code=HTTPStatus.ACCEPTED,
        openapi_extra=describe_write(json_body(SourceBody), form_body(NoFields)),
        responses=asset_responses(
            202, AssetNotFound, AssetIsDeleted, AssetIsPurged, VersionMismatch
        ),
    )
    async def replace_source(request: Request, asset_id: str) -> Response:
        """Put a new picture under the same id and URL; the old one is served until it is ready."""
        with request_context.admission.admit(request) as write:
            known = parse_asset_id(asset_id)
            if media_type(request) == FORM:
                source, _ = await _staged(request, request_context, write, known, NoFields)
            else:
                source = (await read_json(request, SourceBody, request_context.rules)).source()
            async with request_context.uploads.unstaged_on(source, KeysLost):
                metadata = write.metadata(known, content_of(source))
            command = ReplaceSource(metadata=metadata, source=source)
            async with request_context.uploads.unstaged_on(source, Overloaded):
                return await request_context.decide(command, write, HTTPStatus.ACCEPTED)


async def _submit(
    request_context: RequestContext,
    write: WriteRequest,
    asset_id: AssetId,
    source: Source,
    body: UploadBody,
) -> Response:
    async with request_context.uploads.unstaged_on(source, KeysLost):
        command = submission(write, asset_id, source, body)
    if not body.create_missing_categories:
        async with request_context.uploads.unstaged_on(source, Overloaded):
            return await request_context.decide(command, write, HTTPStatus.ACCEPTED)
    # Whether a category is missing is only known once it was decided: respond-async cannot apply.
    wait_seconds = write.preference.wait_seconds or request_context.longest_wait_seconds
    outcome = await submit_creating_categories(
        request_context.command_client, request_context.uploads, command, wait_seconds
    )
    return request_context.answers.decided(outcome, write, HTTPStatus.ACCEPTED)


async def _staged(
    request: Request,
    request_context: RequestContext,
    write: WriteRequest,
    asset_id: AssetId,
    model: type[_Body],
) -> tuple[Source, _Body]:
    """Keep the file of a form in the blob store, once all fields beside it are in order."""
    async with request_context.uploads.slot(write.tenant_id):
        form = await read_form(request)
        try:
            fields = form_fields(form, model, request_context.rules)
            source = await request_context.uploads.stage(
                uploaded_file(form), write.tenant_id, asset_id
            )
        finally:
            await form.close()
    return source, fields


def _new_asset_id(write: WriteRequest) -> AssetId:
    """Name the asset by the client's key, so that sending it again is the same insert."""
    if write.idempotency_key is None:
        return AssetId(write.command_id)
    return keyed_asset_id(write.tenant_id, write.idempotency_key)
