"""The upload spool: a file that holds a batch until all of it has come and makes sense."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from starlette.requests import Request

from command_api.batch_import.record_parser import open_records, parser_for
from infra.http.errors import BodyTooLarge


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How long a batch may be."""

    lines: int
    line_bytes: int


@asynccontextmanager
async def spooled(request: Request, media_type: str, limits: BatchLimits) -> AsyncIterator[Path]:
    """Give the file of a whole batch, so that a client may send everything before it reads.

    Nothing of a batch is done that is too long or cut off: raises BodyTooLarge, MalformedJson,
    MalformedCsv, UnsupportedMediaType, or ClientDisconnect.
    """
    parser_for(media_type)  # what nobody can read is not kept either
    with NamedTemporaryFile() as file:
        async for chunk in request.stream():
            await asyncio.to_thread(file.write, chunk)
        file.flush()
        path = Path(file.name)
        await asyncio.to_thread(_check, path, media_type, limits)
        yield path


def _check(path: Path, media_type: str, limits: BatchLimits) -> None:
    with open_records(path, media_type, limits.line_bytes) as lines:
        if sum(1 for _ in zip(lines, range(limits.lines + 1), strict=False)) > limits.lines:
            raise BodyTooLarge(
                f"a batch may have {limits.lines} lines; send the rest as another one",
                members={"max_lines": limits.lines},
            )
