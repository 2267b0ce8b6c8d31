"""Webhooks: a customer's endpoint, and what is delivered to it."""
