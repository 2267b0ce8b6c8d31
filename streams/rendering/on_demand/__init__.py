"""Renditions on demand: made from kept originals when they are first asked for."""
