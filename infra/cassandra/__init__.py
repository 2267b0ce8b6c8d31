"""Cassandra: the session, tables, and what is kept about views."""
