"""Events in, Cassandra rows out."""
