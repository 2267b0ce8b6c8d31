"""Rows and bytes out; writes nothing."""
