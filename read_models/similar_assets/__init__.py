"""Published assets by each quarter of their perceptual hash."""
