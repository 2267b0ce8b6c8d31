"""Assets and listings as they stood at a moment of the past."""
