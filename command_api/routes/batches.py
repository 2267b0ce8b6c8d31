"""The route that imports many pictures at once."""

from contextlib import AsyncExitStack, aclosing
from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from command_api.batch_import.batch_importer import BatchImporter
from command_api.batch_import.outcome_stream import OutcomeStream
from command_api.batch_import.record_parser import open_records
from command_api.batch_import.upload_spool import BatchLimits, spooled
from command_api.requests.admission import Admission
from command_api.requests.body_parser import media_type
from command_api.routes.route_descriptions import batch_responses, describe_batch
from infra.http.errors import MalformedCsv, MalformedHeader
from infra.http.tenant_slots import TenantSlots

PATH = "/v1/assets/batch"


def add_batch_routes(
    app: FastAPI,
    admission: Admission,
    intake: BatchImporter,
    limits: BatchLimits,
    places: TenantSlots,
) -> None:
    """Add the route that takes many pictures in."""

    @app.post(
        PATH,
        tags=["assets"],
        status_code=HTTPStatus.OK,
        openapi_extra=describe_batch(),
        response_class=OutcomeStream,
        responses=batch_responses(MalformedCsv),
    )
    async def submit_many(request: Request, *, create_missing_categories: bool = False) -> Response:
        """Insert many pictures by their URLs; each line is accepted or refused for itself.

        NDJSON and JSON: each line or item as the body of `POST /v1/assets`. CSV: the first row
        names the columns `download_url`, `category` or `categories`, `title`, `alt_text`, `tags`,
        `focal_point`, `preset`, `duplicates`; several categories or tags, and the two numbers of a
        focal point, are separated by `;` or `|`.

        The answer has one line for each, in order, as they are decided:
        `{"line", "status": "accepted", "asset_id", "position"}` (and `same_as_line` where an
        earlier line said just the same),
        `{"line", "status": "refused", "problem"}`, or `"undecided"` with a problem: send it again.
        Sending lines again under the same `Idempotency-Key` inserts nothing twice.
        """
        async with AsyncExitStack() as held:
            batch = held.enter_context(admission.admit(request))
            if batch.idempotency_key is None:
                raise _no_key()
            await held.enter_async_context(places.wait_for_slot(batch.tenant_id))
            kind = media_type(request)
            file = await held.enter_async_context(spooled(request, kind, limits))
            lines = held.enter_context(open_records(file, kind, limits.line_bytes))
            outcomes = intake.outcomes(lines, batch, creates_categories=create_missing_categories)
            return OutcomeStream(await held.enter_async_context(aclosing(outcomes)), held.pop_all())


def _no_key() -> MalformedHeader:
    wanted = "send an Idempotency-Key: without one, a batch that is sent again inserts twice"
    return MalformedHeader(
        wanted, errors=[{"detail": "must be given", "parameter": "Idempotency-Key"}]
    )
