"""New ids that sort by the time they were made."""

import secrets
import time
from uuid import UUID

_RANDOM_BITS = 74


def uuid7() -> str:
    """Make a UUID of version 7 (RFC 9562 § 5.7): 48 bits of milliseconds, 74 of chance."""
    chance = secrets.randbits(_RANDOM_BITS)
    number = (time.time_ns() // 1_000_000) << 80
    number |= 0x7 << 76 | (chance >> 62) << 64 | 0b10 << 62 | chance & (1 << 62) - 1
    return str(UUID(int=number))
