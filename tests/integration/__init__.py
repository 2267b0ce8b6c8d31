"""One adapter at a time, against real servers."""
