"""Transactions that a broker forgot to end: found, and ended as they were decided."""
