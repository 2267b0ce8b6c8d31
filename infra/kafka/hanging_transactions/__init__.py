"""Hanging transactions: found, and ended as their commands were decided."""
