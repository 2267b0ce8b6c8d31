"""The single writer: commands in, events out, one owner per partition."""
