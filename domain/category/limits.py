"""How large a category tree may become; only decisions look at it, what has happened counts."""

MAX_CATEGORIES = 10_000  # archived ones included
MAX_DEPTH = 32  # levels, the top one included
