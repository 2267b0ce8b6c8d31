"""Picture formats: recognised, decoded, encoded, and checked without decoding."""
