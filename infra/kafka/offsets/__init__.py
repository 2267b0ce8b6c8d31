"""Offsets: where partitions begin and end, and where groups stand."""
