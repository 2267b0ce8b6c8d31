"""The stream runtime: start, stop, retries, dead letters, ordered acknowledgement."""
