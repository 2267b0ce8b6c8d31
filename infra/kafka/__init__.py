"""Kafka: topics, producers, consumers, offsets, transactions."""
