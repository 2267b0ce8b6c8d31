"""Blobs in a folder or in a bucket."""
