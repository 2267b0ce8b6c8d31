"""Rendering, one part at a time, in this process."""
