"""Limits of a category catalogue; decisions respect them, the fold of events does not."""

MAX_CATEGORIES = 10_000  # archived ones included
MAX_DEPTH = 32  # levels, the top one included
