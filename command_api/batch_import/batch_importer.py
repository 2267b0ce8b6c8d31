"""The batch importer: submits the records of a batch, and reports outcomes in their order."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus

from command_api.batch_import.batch_record import BatchRecord
from command_api.ids import keyed_asset_id
from command_api.requests.admission import WriteRequest
from command_api.requests.asset_bodies import SubmitBody
from command_api.requests.body_parser import parse_json
from command_api.requests.fields import RequestRules
from command_api.responses.write_responses import refusal
from command_api.submission import content_of, submission, submit_creating_categories
from command_api.upload_staging import UploadStaging
from domain.errors import ScaleHosterError
from domain.identity import command_id_for
from domain.outcomes import CommandAccepted, CommandRefused, Outcome
from domain.values import AssetId
from infra.decider_runtime.command_client import CommandClient
from infra.http.errors import Unavailable
from infra.http.position_header import position_to_header
from infra.http.problems import Problems

MOST_AT_ONCE = 128

log = logging.getLogger(__name__)

RecordOutcome = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchImporter:
    """Puts lines to the decider; each waits ``wait_seconds`` for its decision at most."""

    command_client: CommandClient[Outcome]
    uploads: UploadStaging
    problems: Problems
    rules: RequestRules
    wait_seconds: float

    async def outcomes(
        self, lines: Iterable[BatchRecord], batch: WriteRequest, *, creates_categories: bool
    ) -> AsyncGenerator[bytes]:
        """Give the outcome of each line, in their order, as NDJSON.

        A line is a request of its own: its ids follow from the batch's Idempotency-Key and from
        its content, whatever its number. So a batch may be sent again, in part, or with more lines.
        No line is begun while nobody takes the outcomes of those before it. Closed early, what was
        begun may still be decided.
        """
        under_way: deque[asyncio.Task[RecordOutcome]] = deque()
        seen: dict[object, int] = {}
        try:
            for line in lines:
                under_way.append(
                    asyncio.create_task(self._outcome(line, batch, creates=creates_categories))
                )
                await asyncio.sleep(0)  # others' requests come in between
                if len(under_way) == MOST_AT_ONCE:
                    yield await _next_outcomes(under_way, seen)
            while under_way:
                yield await _next_outcomes(under_way, seen)
        finally:
            for task in under_way:
                task.cancel()

    async def _outcome(
        self, line: BatchRecord, batch: WriteRequest, *, creates: bool
    ) -> RecordOutcome:
        try:
            return {"line": line.number, **await self._decided(line, batch, creates=creates)}
        except Exception as error:
            if not isinstance(error, ScaleHosterError):  # a fault of ours harms no other line
                log.exception("line %s of a batch failed", line.number)
            problem = json.loads(bytes(self.problems.answer(error, batch.correlation_id).body))
            is_final = problem["status"] < HTTPStatus.INTERNAL_SERVER_ERROR
            status = "refused" if is_final else "undecided"
            return {"line": line.number, "status": status, "problem": problem}

    async def _decided(
        self, line: BatchRecord, batch: WriteRequest, *, creates: bool
    ) -> RecordOutcome:
        if line.fault is not None:
            raise line.fault
        body = parse_json(line.text, SubmitBody, self.rules)
        write, asset_id = _of_record(batch, content_of(body.source(), body))
        command = submission(write, asset_id, body.source(), body, is_bulk=True)
        if creates or body.create_missing_categories:
            outcome = await submit_creating_categories(
                self.command_client, self.uploads, command, self.wait_seconds
            )
        else:
            outcome = await self.command_client.ask(command, self.wait_seconds)
        match outcome:
            case CommandAccepted(position=position):
                place = None if position is None else position_to_header(position)
                return {"status": "accepted", "asset_id": asset_id, "position": place}
            case CommandRefused():
                raise refusal(outcome)
            case None:
                raise Unavailable("it is not decided yet; send the line again to know")


def _of_record(batch: WriteRequest, content: str) -> tuple[WriteRequest, AssetId]:
    digest = sha256(content.encode()).hexdigest()
    key = f"batch\n{batch.idempotency_key}\n{digest}"  # no client can send a key with line breaks
    command_id = command_id_for(batch.tenant_id, batch.target, key)
    write = replace(batch, command_id=command_id, expected_version=None)
    return write, keyed_asset_id(batch.tenant_id, key)


async def _next_outcomes(
    under_way: deque[asyncio.Task[RecordOutcome]], seen: dict[object, int]
) -> bytes:
    """Take the outcomes that are there from the head, waiting for the first."""
    outcomes = [await under_way[0]]
    under_way.popleft()
    while under_way and under_way[0].done():
        outcomes.append(under_way.popleft().result())
    for outcome in outcomes:
        asset_id, number = outcome.get("asset_id"), outcome["line"]
        if asset_id is not None and isinstance(number, int):
            first = seen.setdefault(asset_id, number)
            if first != number:
                outcome["same_as_line"] = first
    return b"".join(json.dumps(outcome).encode() + b"\n" for outcome in outcomes)
