"""What a restore needs of projections and streams, which backup may not import."""
