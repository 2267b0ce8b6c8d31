"""Builds another generation of a view from the log, proves it equal, and has it read instead."""
