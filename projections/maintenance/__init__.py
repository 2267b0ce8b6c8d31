"""Carries out what operators ask for over HTTP, with the same words as the command line."""
