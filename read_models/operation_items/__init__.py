"""The outcome of each item of a bulk operation."""
