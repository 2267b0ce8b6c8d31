"""The domain: pure decisions about assets, categories and bulk operations; no library."""
