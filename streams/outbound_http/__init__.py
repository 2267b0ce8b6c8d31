"""Requests to servers of others: guarded addresses, deadlines, limits; never into our network."""
