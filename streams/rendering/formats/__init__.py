"""Picture files: told apart, decoded, encoded, and checked without decoding."""
