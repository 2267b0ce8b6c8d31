"""What is asked for under which address; each route is a few lines."""
