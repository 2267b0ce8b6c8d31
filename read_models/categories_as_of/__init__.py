"""What each category was called and where it stood at any time in the past."""
