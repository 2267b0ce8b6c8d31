"""What a person types: `scalehoster …`."""
