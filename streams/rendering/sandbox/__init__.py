"""The confined processes that decode: their pool, their protocol, the check of their replies."""
