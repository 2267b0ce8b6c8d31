"""Claims about the workers."""
