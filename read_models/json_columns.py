"""Values as JSON text, for columns that are only shown, never searched."""

import msgspec


def as_json(value: object) -> str:
    """Write dataclasses as objects and moments in RFC 3339; None is ``null``."""
    return msgspec.json.encode(value).decode()
