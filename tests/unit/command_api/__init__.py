"""The command API against a decider in the same process."""
