"""API keys: made, stored, revoked, and looked up for each request."""
