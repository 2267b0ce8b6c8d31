"""The commands of `scalehoster`: one module for each group."""
