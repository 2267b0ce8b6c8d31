"""The whole platform on this machine: its components, and the supervisor that keeps them up."""
