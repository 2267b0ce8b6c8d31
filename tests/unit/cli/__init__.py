"""The scalehoster command, without servers."""
