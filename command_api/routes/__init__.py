"""Routes that accept writes."""
