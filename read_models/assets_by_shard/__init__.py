"""Every asset of a tenant by shard, for bulk operations to scan."""
