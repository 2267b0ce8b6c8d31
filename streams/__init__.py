"""The work between an accepted URL and a hosted image."""
