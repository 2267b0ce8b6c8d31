"""The assets whose pipeline run has not ended."""
