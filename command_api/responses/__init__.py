"""What clients are answered."""
