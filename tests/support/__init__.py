"""Helpers of the tests, used by more than one of their packages."""
