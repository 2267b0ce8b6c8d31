"""Offsets: where partitions begin and end, and how far groups have read."""
