"""How every message is written: one Avro schema per message and version, and the codec."""
