"""The bulk operations of a tenant and their progress."""
