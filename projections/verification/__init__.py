"""Proves a view equal to the log, or names the rows that are not, and puts just those right."""
