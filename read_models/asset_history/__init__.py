"""Every event of each asset, for audit and time travel."""
