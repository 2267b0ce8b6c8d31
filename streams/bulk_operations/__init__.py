"""Carry bulk operations out: one owner for each, which also decides what customers wish of it."""
