"""What each listing showed at any time in the past."""
