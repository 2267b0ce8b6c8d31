"""Routes of writes to the category catalogue."""

from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from command_api.request_context import RequestContext
from command_api.requests.body_parser import PATCH, read_json
from command_api.requests.category_bodies import CategoryBody, CategoryPatch
from command_api.requests.fields import is_category_ref
from command_api.routes.route_descriptions import category_responses, describe_write, json_body
from domain.category.commands import (
    ArchiveCategory,
    CreateCategory,
    MoveCategory,
    RenameCategory,
    RestoreCategory,
    ReviseCategory,
)
from domain.commands import CommandMetadata
from domain.errors import (
    CategoryAlreadyExists,
    CategoryCycle,
    CategoryHasChildren,
    CategoryIsArchived,
    CategoryNotFound,
    CategoryTooDeep,
    TooManyCategories,
    UnknownCategory,
    VersionMismatch,
)
from domain.values import CategoryId, CategoryRef, CategorySlug


def add_category_routes(app: FastAPI, request_context: RequestContext) -> None:
    """Add the routes that change categories."""

    @app.post(
        "/v1/categories",
        tags=["categories"],
        status_code=HTTPStatus.CREATED,
        openapi_extra=describe_write(json_body(CategoryBody), is_conditional=False),
        responses=category_responses(
            201,
            CategoryAlreadyExists,
            TooManyCategories,
            CategoryTooDeep,
            UnknownCategory,
            CategoryIsArchived,
        ),
    )
    async def create(request: Request) -> Response:
        """Open a category."""
        with request_context.admission.admit(request) as write:
            body = await read_json(request, CategoryBody, request_context.rules)
            command = CreateCategory(
                metadata=write.metadata(write.tenant_id, body.content()),
                category_id=CategoryId(write.command_id),  # the same request, the same category
                slug=body.chosen_slug(),
                name=body.name,
                parent=None if body.parent is None else CategoryRef(body.parent),
            )
            return await request_context.decide(command, write, HTTPStatus.CREATED)

    @app.patch(
        "/v1/categories/{category}",
        tags=["categories"],
        openapi_extra=describe_write(json_body(CategoryPatch, PATCH)),
        responses=category_responses(
            200,
            CategoryNotFound,
            CategoryAlreadyExists,
            CategoryCycle,
            CategoryTooDeep,
            UnknownCategory,
            CategoryIsArchived,
            VersionMismatch,
        ),
    )
    async def revise(request: Request, category: str) -> Response:
        """Change name, slug or parent: all that is given, or nothing."""
        with request_context.admission.admit(request) as write:
            ref = _parse_category_ref(category)
            patch = await read_json(
                request, CategoryPatch, request_context.rules, media_types=PATCH
            )
            metadata = write.metadata(write.tenant_id, patch.content())
            return await request_context.decide(_revision(metadata, ref, patch), write)

    @app.delete(
        "/v1/categories/{category}",
        tags=["categories"],
        openapi_extra=describe_write(),
        responses=category_responses(200, CategoryNotFound, CategoryHasChildren, VersionMismatch),
    )
    async def archive(request: Request, category: str) -> Response:
        """Take a category out of the listings; its assets stay in it."""
        with request_context.admission.admit(request) as write:
            ref = _parse_category_ref(category)
            command = ArchiveCategory(metadata=write.metadata(write.tenant_id, ""), category=ref)
            return await request_context.decide(command, write)

    @app.post(
        "/v1/categories/{category}/restore",
        tags=["categories"],
        openapi_extra=describe_write(),
        responses=category_responses(200, CategoryNotFound, CategoryIsArchived, VersionMismatch),
    )
    async def restore(request: Request, category: str) -> Response:
        """Bring an archived category back."""
        with request_context.admission.admit(request) as write:
            ref = _parse_category_ref(category)
            command = RestoreCategory(metadata=write.metadata(write.tenant_id, ""), category=ref)
            return await request_context.decide(command, write)


def _revision(
    metadata: CommandMetadata, category: CategoryRef, patch: CategoryPatch
) -> RenameCategory | MoveCategory | ReviseCategory:
    given = patch.model_fields_set
    name, slug = patch.name or None, CategorySlug(patch.slug) if patch.slug else None
    parent = None if patch.parent is None else CategoryRef(patch.parent)
    if "parent" not in given:
        return RenameCategory(metadata=metadata, category=category, name=name, slug=slug)
    if given == {"parent"}:
        return MoveCategory(metadata=metadata, category=category, parent=parent)
    return ReviseCategory(metadata=metadata, category=category, name=name, slug=slug, parent=parent)


def _parse_category_ref(category: str) -> CategoryRef:
    if not is_category_ref(category):
        raise CategoryNotFound(f"no category {category}")
    return CategoryRef(category)
