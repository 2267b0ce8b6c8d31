"""Every claim the code makes, tried."""
