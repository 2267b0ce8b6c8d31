"""HTTP in, commands out; commands in, events out."""
