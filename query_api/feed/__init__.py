"""The live feed: a tenant's events as they happen, from any place in the log on."""
