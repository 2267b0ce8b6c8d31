"""Cassandra: the session, tables, and the state of views."""
