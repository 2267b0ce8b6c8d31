"""Webhook endpoints: their records, the table in memory, their secrets."""
