"""The published assets of each day, newest first."""
