"""The published assets of each category, newest first."""
