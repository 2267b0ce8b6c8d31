"""Assets by the checksum of their original's bytes."""
