"""Requests: headers, bodies, and what admits them."""
