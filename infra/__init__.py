"""One door per outside thing: Kafka, Cassandra, blobs, settings, logs."""
