"""The header ``ScaleHoster-Position``: the log position of a write, opaque to clients."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from infra.http.errors import MalformedHeader
from infra.kafka.producer import LogPosition

POSITION_HEADER = "ScaleHoster-Position"
_POSITION = re.compile(r"([a-z-]{1,100}):([0-9]{1,9}):([0-9]{1,18})")


def position_to_header(position: str) -> str:
    """Wrap an outcome's position (topic, partition and offset, colon-separated)."""
    return urlsafe_b64encode(position.encode()).decode().rstrip("=")


def position_from_header(value: str) -> LogPosition:
    """Read back what ``position_to_header`` made; raises MalformedHeader."""
    try:
        padded = value + "=" * (-len(value) % 4)
        found = _POSITION.fullmatch(urlsafe_b64decode(padded.encode()).decode())
    except ValueError:
        found = None
    if found is None:
        raise MalformedHeader(
            f"{POSITION_HEADER} must be sent back exactly as a write answered it",
            errors=[{"detail": "not a position of ours", "parameter": POSITION_HEADER}],
        )
    return LogPosition(topic=found[1], partition=int(found[2]), offset=int(found[3]))
