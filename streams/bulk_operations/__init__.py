"""Bulk operations: each has one owner, which decides its commands and executes its items."""
