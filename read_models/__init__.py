"""The views: for each a folder with its tables, its projection and its queries."""
