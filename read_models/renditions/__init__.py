"""Renditions on demand and their watermark."""
