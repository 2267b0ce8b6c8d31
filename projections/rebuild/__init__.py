"""Rebuilds: another generation of a view is built, compared, and switched to."""
