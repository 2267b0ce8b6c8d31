"""What a public URL, which names no tenant, needs to know of an asset."""
