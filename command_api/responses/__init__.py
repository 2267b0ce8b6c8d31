"""Responses of the command API."""
