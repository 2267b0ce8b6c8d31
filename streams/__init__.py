"""Stream processes: the work between an accepted URL and a hosted image, and what follows it."""
