"""The header ``ScaleHoster-Position``: where in the log a write took effect, opaque to clients."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from infra.sending import Position
from infra.web.errors import MalformedHeader

HEADER = "ScaleHoster-Position"


def to_header(position: str) -> str:
    """Wrap an outcome's position (topic, partition and offset, colon-separated)."""
    return urlsafe_b64encode(position.encode()).decode().rstrip("=")


def from_header(value: str) -> Position:
    """Read back what ``to_header`` made; raises MalformedHeader."""
    try:
        padded = value + "=" * (-len(value) % 4)
        topic, partition, offset = urlsafe_b64decode(padded.encode()).decode().split(":")
        return Position(topic=topic, partition=int(partition), offset=int(offset))
    except ValueError as error:
        raise MalformedHeader(
            f"{HEADER} must be sent back exactly as a write answered it",
            errors=[{"detail": "not a position of ours", "parameter": HEADER}],
        ) from error
