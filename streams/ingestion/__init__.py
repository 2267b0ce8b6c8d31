"""Ingestion: dispatcher, fetcher and worker make a hosted image of an accepted URL."""
