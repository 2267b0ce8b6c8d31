"""The outcome of each command, for a week."""
