"""Verification: proves a view equal to the log, or names and repairs the rows that differ."""
