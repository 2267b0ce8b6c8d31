"""Host names with letters beyond ASCII as DNS is asked for them (IDNA)."""

import idna


def ascii_host_name(name: str) -> str:
    """Encode an international host name; raises UnicodeError for one that is not valid."""
    return idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
