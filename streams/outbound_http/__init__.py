"""Outbound HTTP: guarded addresses, deadlines and limits; never into our network."""
