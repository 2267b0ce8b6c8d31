"""Adapters: one subpackage for each outside system, and nothing of the application."""
