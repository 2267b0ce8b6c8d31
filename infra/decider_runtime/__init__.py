"""What every decider and whoever sends it commands needs."""
