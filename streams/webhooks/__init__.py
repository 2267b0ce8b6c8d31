"""Webhooks: signed deliveries to customers' servers, at least once, each endpoint by itself."""
