"""Fakes that stand for servers and stores, held to the same contracts as the real ones."""
