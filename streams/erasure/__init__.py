"""Destroy the keys of purged assets, and remove the bytes that count for nothing any more."""
