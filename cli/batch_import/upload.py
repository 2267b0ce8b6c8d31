"""Uploads an import file in chunks; an import that stopped goes on where it was."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from cli.api_client import ApiProblem, ApiUnreachable
from cli.batch_import.import_file import ImportFile, with_defaults
from cli.batch_import.journal import ImportJournal, RefusedLine
from command_api.batch_import.batch_record import BatchRecord
from domain.errors import ScaleHosterError

_CHUNK_LINES = 1_000
_PAUSES_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0)
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500

SendChunk = Callable[[bytes], list[dict[str, Any]]]


class ImportStopped(ScaleHosterError):
    """The import could not go on; what was taken in stays."""


def import_lines(
    source: ImportFile,
    journal: ImportJournal,
    send: SendChunk,
    *,
    category: str | None = None,
    duplicates: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Send the lines that the journal lacks, and yield the lines done after each chunk.

    ``send`` puts NDJSON to the command API and returns its outcomes. Trouble that may pass is
    waited out for a while. Raises ImportStopped, or ApiProblem when there is no use in waiting.
    """
    left = islice(source.read(), journal.lines, None)
    while chunk := list(islice(left, _CHUNK_LINES)):
        sound = [line for line in chunk if line.fault is None]
        texts = [with_defaults(line.text, category, duplicates) for line in sound]
        outcomes = _send_with_retries(send, texts, sleep) if texts else []
        refused = [_refused_here(line) for line in chunk if line.fault is not None]
        refused += [
            {"line": line.number, "problem": outcome["problem"]}
            for line, outcome in zip(sound, outcomes, strict=True)
            if outcome["status"] == "refused"
        ]
        refused.sort(key=lambda each: int(each["line"]))
        journal.add(accepted=len(chunk) - len(refused), refused=refused)
        yield journal.lines


def refused_texts(source: ImportFile, refused: Iterable[RefusedLine]) -> Iterator[bytes]:
    """Read again the lines that were refused, to be put right and imported."""
    numbers = {each["line"] for each in refused}
    return (line.text for line in source.read() if line.number in numbers and line.text)


def _send_with_retries(
    send: SendChunk, texts: list[bytes], sleep: Callable[[float], None]
) -> list[dict[str, Any]]:
    content = b"".join(text + b"\n" for text in texts)
    for pause in (*_PAUSES_SECONDS, None):
        try:
            outcomes = send(content)
        except ApiUnreachable as error:
            trouble = str(error)
        except ApiProblem as error:
            if error.status != _TOO_MANY_REQUESTS and error.status < _SERVER_ERROR:
                raise
            trouble = str(error)
        else:
            undecided = [each for each in outcomes if each["status"] == "undecided"]
            if not undecided and len(outcomes) == len(texts):
                return outcomes
            trouble = undecided[0]["problem"]["detail"] if undecided else "the answer was cut off"
        if pause is not None:
            sleep(pause)
    raise ImportStopped(f"{trouble}; what was taken in stays, type the same again to go on")


def _refused_here(line: BatchRecord) -> RefusedLine:
    fault = line.fault
    return {"line": line.number, "problem": {"title": type(fault).__doc__, "detail": str(fault)}}
