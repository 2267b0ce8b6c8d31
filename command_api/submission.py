"""Submission of a picture, with the categories it names created where asked for."""

import asyncio
from dataclasses import replace

from command_api.requests.admission import WriteRequest
from command_api.requests.asset_bodies import UploadBody
from command_api.requests.body import RequestBody
from command_api.requests.fields import is_id
from command_api.upload_staging import UploadStaging
from domain.asset import blob_keys
from domain.asset.commands import SubmitAsset
from domain.category.commands import CreateCategory
from domain.errors import CategoryAlreadyExists, UnknownCategory
from domain.identity import command_id_for
from domain.outcomes import CommandRefused, Outcome
from domain.values import AssetId, CategoryId, CategorySlug, Source
from infra.decider_runtime.command_client import CommandClient
from infra.errors import Overloaded
from infra.http.errors import Unavailable

_ROUNDS = 3  # a twin of this request may be refused a moment before its categories exist


def submission(
    write: WriteRequest,
    asset_id: AssetId,
    source: Source,
    body: UploadBody,
    *,
    is_bulk: bool = False,
) -> SubmitAsset:
    """Make the command that inserts a picture under this id."""
    return SubmitAsset(
        metadata=write.metadata(asset_id, content_of(source, body)),
        source=source,
        categories=body.refs(),
        description=body.description(),
        preset=body.preset,
        is_bulk=is_bulk,
        duplicates=body.duplicates,
    )


def content_of(source: Source, body: RequestBody | None = None) -> str:
    """Write down all that makes a request about a picture the same one again."""
    return (
        f"{blob_keys.source_identity(source)}\n{source.file_name}\n{body.content() if body else ''}"
    )


async def submit_creating_categories(
    client: CommandClient[Outcome], uploads: UploadStaging, command: SubmitAsset, seconds: float
) -> Outcome | None:
    """Submit; when categories are unknown, open them and submit again.

    The submission keeps its command id: a refused command had no effect and is decided anew. What
    it named as an upload is removed then, so the next one names another copy. An id that names no
    category is never opened. Returns None when the decision takes longer than ``seconds``;
    raises Unavailable when it is the categories that do.
    """
    ends_at = asyncio.get_running_loop().time() + seconds
    async with uploads.unstaged_on(command.source, Overloaded):
        outcome = await client.ask(command, seconds)
    for _ in range(_ROUNDS):
        missing = _missing(outcome)
        if not missing or any(is_id(ref) for ref in missing):
            break
        for slug in missing:
            refusal = await _create(client, command, CategorySlug(slug), ends_at)
            if refusal is not None:
                return replace(refusal, command_id=command.metadata.command_id)
        command = replace(command, source=await uploads.restage(command.source))
        async with uploads.unstaged_on(command.source, Overloaded):
            outcome = await client.ask(command, _left(ends_at))
    return outcome


def _missing(outcome: Outcome | None) -> list[str]:
    if isinstance(outcome, CommandRefused) and outcome.problem == UnknownCategory.__name__:
        return outcome.members["categories"].split(",")
    return []


async def _create(
    client: CommandClient[Outcome], command: SubmitAsset, slug: CategorySlug, ends_at: float
) -> CommandRefused | None:
    metadata = command.metadata
    scope = f"create category {slug} for"
    command_id = command_id_for(metadata.tenant_id, scope, metadata.command_id)
    created = await client.ask(
        CreateCategory(
            metadata=replace(
                metadata,
                command_id=command_id,
                entity_id=metadata.tenant_id,
                expected_version=None,
                fingerprint=slug,
            ),
            category_id=CategoryId(command_id),
            slug=slug,
            name=slug,
            parent=None,
        ),
        _left(ends_at),
    )
    if created is None:
        raise Unavailable(f"category {slug} was not opened in time; send the request again")
    if isinstance(created, CommandRefused) and created.problem != CategoryAlreadyExists.__name__:
        return created
    return None


def _left(ends_at: float) -> float:
    return max(0.01, ends_at - asyncio.get_running_loop().time())
