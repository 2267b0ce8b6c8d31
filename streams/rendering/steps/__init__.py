"""The steps that a picture goes through: each takes a picture and returns a new one."""
