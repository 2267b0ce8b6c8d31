"""Logs: one JSON line on standard error for each event."""

import json
import logging
import sys
from datetime import UTC, datetime

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(process_name: str, level: str) -> None:
    """Write what is logged as JSON lines, from this level on (debug, info, warning or error).

    Each line has at, level, process, logger and message, then whatever was given as ``extra``, and
    the traceback as ``error``. Calling it again replaces what was configured before.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process_name))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Cassandra gives the same advice at every prepared statement.
    logging.getLogger("cassandra.protocol").setLevel(logging.ERROR)


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def __init__(self, process_name: str) -> None:
        super().__init__()
        self._process_name = process_name

    def format(self, record: logging.LogRecord) -> str:
        """Write one line; a value that JSON does not know is written as its text."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process_name,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
