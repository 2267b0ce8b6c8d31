"""Every address that accepts a write."""
