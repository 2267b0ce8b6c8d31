"""Batch import: many pictures in one request, with an outcome for each."""
