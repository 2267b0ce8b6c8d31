"""Listings: pages of assets and of the category tree, in order, with cursors."""
