"""The decider of assets and categories: the single writer of their events."""
