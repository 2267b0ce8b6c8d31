"""Routes of writes to assets."""

from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from command_api.request_context import RequestContext
from command_api.requests.asset_bodies import CategoriesBody, DescriptionPatch, ReprocessBody
from command_api.requests.body_parser import PATCH, read_json
from command_api.requests.fields import is_id
from command_api.routes.route_descriptions import asset_responses, describe_write, json_body
from domain.asset.commands import (
    DeleteAsset,
    DescribeAsset,
    PurgeAsset,
    RefreshAsset,
    ReprocessAsset,
    RestoreAsset,
    SetCategories,
)
from domain.errors import (
    AssetHasNoOriginal,
    AssetHasNoUrl,
    AssetIsDeleted,
    AssetIsNotDeleted,
    AssetIsPurged,
    AssetNotFound,
    CategoryIsArchived,
    DescriptionRefused,
    UnknownCategory,
    VersionMismatch,
)
from domain.values import AssetId

_CHANGED = (AssetNotFound, AssetIsDeleted, AssetIsPurged, VersionMismatch)


def add_asset_routes(app: FastAPI, request_context: RequestContext) -> None:
    """Add the routes that change assets; see sources.py for those that take pictures in."""

    @app.put(
        "/v1/assets/{asset_id}/categories",
        tags=["assets"],
        openapi_extra=describe_write(json_body(CategoriesBody)),
        responses=asset_responses(200, *_CHANGED, UnknownCategory, CategoryIsArchived),
    )
    async def set_categories(request: Request, asset_id: str) -> Response:
        """Put an asset into exactly these categories, all at once."""
        with request_context.admission.admit(request) as write:
            body = await read_json(request, CategoriesBody, request_context.rules)
            metadata = write.metadata(parse_asset_id(asset_id), body.content())
            command = SetCategories(metadata=metadata, categories=body.refs())
            return await request_context.decide(command, write)

    @app.patch(
        "/v1/assets/{asset_id}",
        tags=["assets"],
        openapi_extra=describe_write(json_body(DescriptionPatch, PATCH)),
        responses=asset_responses(200, *_CHANGED, DescriptionRefused),
    )
    async def describe(request: Request, asset_id: str) -> Response:
        """Change title, alt text, tags, metadata or focal point by a JSON merge patch.

        What is cut on demand keeps a new focal point at once, what presets cut once the asset is
        reprocessed.
        """
        with request_context.admission.admit(request) as write:
            patch = await read_json(
                request, DescriptionPatch, request_context.rules, media_types=PATCH
            )
            metadata = write.metadata(parse_asset_id(asset_id), patch.content())
            command = DescribeAsset(metadata=metadata, patch=patch.content())
            return await request_context.decide(command, write)

    @app.delete(
        "/v1/assets/{asset_id}",
        tags=["assets"],
        openapi_extra=describe_write(),
        responses=asset_responses(200, AssetNotFound, VersionMismatch),
    )
    async def delete(request: Request, asset_id: str) -> Response:
        """Take an asset out of sight; can be undone."""
        with request_context.admission.admit(request) as write:
            command = DeleteAsset(metadata=write.metadata(parse_asset_id(asset_id), ""))
            return await request_context.decide(command, write)

    @app.post(
        "/v1/assets/{asset_id}/restore",
        tags=["assets"],
        openapi_extra=describe_write(),
        responses=asset_responses(
            200, AssetNotFound, AssetIsNotDeleted, AssetIsPurged, VersionMismatch
        ),
    )
    async def restore(request: Request, asset_id: str) -> Response:
        """Undo a deletion."""
        with request_context.admission.admit(request) as write:
            command = RestoreAsset(metadata=write.metadata(parse_asset_id(asset_id), ""))
            return await request_context.decide(command, write)

    @app.post(
        "/v1/assets/{asset_id}/purge",
        tags=["assets"],
        openapi_extra=describe_write(),
        responses=asset_responses(200, AssetNotFound, AssetIsNotDeleted, VersionMismatch),
    )
    async def purge(request: Request, asset_id: str) -> Response:
        """Remove a deleted asset's bytes for good."""
        with request_context.admission.admit(request) as write:
            command = PurgeAsset(metadata=write.metadata(parse_asset_id(asset_id), ""))
            return await request_context.decide(command, write)

    @app.post(
        "/v1/assets/{asset_id}/reprocess",
        tags=["assets"],
        openapi_extra=describe_write(json_body(ReprocessBody), is_body_optional=True),
        responses=asset_responses(202, *_CHANGED, AssetHasNoOriginal),
        status_code=HTTPStatus.ACCEPTED,
    )
    async def reprocess(request: Request, asset_id: str) -> Response:
        """Make new renditions from the kept original."""
        with request_context.admission.admit(request) as write:
            body = await read_json(request, ReprocessBody, request_context.rules, empty=b"{}")
            metadata = write.metadata(parse_asset_id(asset_id), body.content())
            command = ReprocessAsset(metadata=metadata, preset=body.preset, is_bulk=False)
            return await request_context.decide(command, write, HTTPStatus.ACCEPTED)

    @app.post(
        "/v1/assets/{asset_id}/refresh",
        tags=["assets"],
        openapi_extra=describe_write(),
        responses=asset_responses(202, *_CHANGED, AssetHasNoUrl),
        status_code=HTTPStatus.ACCEPTED,
    )
    async def refresh(request: Request, asset_id: str) -> Response:
        """Ask the source URL again; what is shown stays until the source has shown something new.

        A source that says it is unchanged is not downloaded, and the same bytes are not rendered.
        """
        with request_context.admission.admit(request) as write:
            metadata = write.metadata(parse_asset_id(asset_id), "")
            command = RefreshAsset(metadata=metadata, is_bulk=False)
            return await request_context.decide(command, write, HTTPStatus.ACCEPTED)


def parse_asset_id(asset_id: str) -> AssetId:
    """Take an asset id from an address; what can be none is not found without asking."""
    if not is_id(asset_id):
        raise AssetNotFound(f"no asset {asset_id}")
    return AssetId(asset_id)
