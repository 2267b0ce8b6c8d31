"""The wire format: one Avro schema for each message and version, and the codec."""
