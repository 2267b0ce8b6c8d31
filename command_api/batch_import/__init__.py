"""Many pictures in one request: lines in, one outcome for each out."""
