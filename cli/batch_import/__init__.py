"""A file of many pictures, sent to the command API in chunks; an import can be resumed."""
