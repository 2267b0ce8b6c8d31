"""Carry out work orders: fetch a source, render it, store the result, say what became of it."""
