"""Writes to assets."""

from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from command_api.bodies import (
    CategoriesBody,
    DescriptionPatch,
    ReprocessBody,
)
from command_api.desk import Desk
from command_api.fields import is_id
from command_api.reading import PATCH, read_json
from command_api.routes.documenting import asset_answers, json_body, takes
from domain.commands import (
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


def add_asset_routes(app: FastAPI, desk: Desk) -> None:
    """Add the routes that change assets; see sources.py for those that take pictures in."""

    @app.put(
        "/v1/assets/{asset_id}/categories",
        tags=["assets"],
        openapi_extra=takes(json_body(CategoriesBody)),
        responses=asset_answers(200, *_CHANGED, UnknownCategory, CategoryIsArchived),
    )
    async def set_categories(request: Request, asset_id: str) -> Response:
        """Put an asset into exactly these categories, all at once."""
        with desk.admission.admit(request) as write:
            body = await read_json(request, CategoriesBody, desk.rules)
            metadata = write.metadata(known_form(asset_id), body.content())
            command = SetCategories(metadata=metadata, categories=body.refs())
            return await desk.decide(command, write)

    @app.patch(
        "/v1/assets/{asset_id}",
        tags=["assets"],
        openapi_extra=takes(json_body(DescriptionPatch, PATCH)),
        responses=asset_answers(200, *_CHANGED, DescriptionRefused),
    )
    async def describe(request: Request, asset_id: str) -> Response:
        """Change title, alt text, tags, metadata or focal point by a JSON merge patch.

        What is cut on demand keeps a new focal point at once, what presets cut once the asset is
        reprocessed.
        """
        with desk.admission.admit(request) as write:
            patch = await read_json(request, DescriptionPatch, desk.rules, media_types=PATCH)
            metadata = write.metadata(known_form(asset_id), patch.content())
            command = DescribeAsset(metadata=metadata, patch=patch.content())
            return await desk.decide(command, write)

    @app.delete(
        "/v1/assets/{asset_id}",
        tags=["assets"],
        openapi_extra=takes(),
        responses=asset_answers(200, AssetNotFound, VersionMismatch),
    )
    async def delete(request: Request, asset_id: str) -> Response:
        """Take an asset out of sight; can be undone."""
        with desk.admission.admit(request) as write:
            command = DeleteAsset(metadata=write.metadata(known_form(asset_id), ""))
            return await desk.decide(command, write)

    @app.post(
        "/v1/assets/{asset_id}/restore",
        tags=["assets"],
        openapi_extra=takes(),
        responses=asset_answers(
            200, AssetNotFound, AssetIsNotDeleted, AssetIsPurged, VersionMismatch
        ),
    )
    async def restore(request: Request, asset_id: str) -> Response:
        """Undo a deletion."""
        with desk.admission.admit(request) as write:
            command = RestoreAsset(metadata=write.metadata(known_form(asset_id), ""))
            return await desk.decide(command, write)

    @app.post(
        "/v1/assets/{asset_id}/purge",
        tags=["assets"],
        openapi_extra=takes(),
        responses=asset_answers(200, AssetNotFound, AssetIsNotDeleted, VersionMismatch),
    )
    async def purge(request: Request, asset_id: str) -> Response:
        """Remove a deleted asset's bytes for good."""
        with desk.admission.admit(request) as write:
            command = PurgeAsset(metadata=write.metadata(known_form(asset_id), ""))
            return await desk.decide(command, write)

    @app.post(
        "/v1/assets/{asset_id}/reprocess",
        tags=["assets"],
        openapi_extra=takes(json_body(ReprocessBody), is_body_optional=True),
        responses=asset_answers(202, *_CHANGED, AssetHasNoOriginal),
        status_code=HTTPStatus.ACCEPTED,
    )
    async def reprocess(request: Request, asset_id: str) -> Response:
        """Make new renditions from the kept original."""
        with desk.admission.admit(request) as write:
            body = await read_json(request, ReprocessBody, desk.rules, empty=b"{}")
            metadata = write.metadata(known_form(asset_id), body.content())
            command = ReprocessAsset(metadata=metadata, preset=body.preset, is_bulk=False)
            return await desk.decide(command, write, HTTPStatus.ACCEPTED)

    @app.post(
        "/v1/assets/{asset_id}/refresh",
        tags=["assets"],
        openapi_extra=takes(),
        responses=asset_answers(202, *_CHANGED, AssetHasNoUrl),
        status_code=HTTPStatus.ACCEPTED,
    )
    async def refresh(request: Request, asset_id: str) -> Response:
        """Ask the source URL again; what is shown stays until the source has shown something new.

        A source that says it is unchanged is not downloaded, and the same bytes are not rendered.
        """
        with desk.admission.admit(request) as write:
            metadata = write.metadata(known_form(asset_id), "")
            command = RefreshAsset(metadata=metadata, is_bulk=False)
            return await desk.decide(command, write, HTTPStatus.ACCEPTED)


def known_form(asset_id: str) -> AssetId:
    """Take an asset id from an address; what can be none is not found without asking."""
    if not is_id(asset_id):
        raise AssetNotFound(f"no asset {asset_id}")
    return AssetId(asset_id)
