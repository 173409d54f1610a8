"""Faults on purpose, and what has to hold under them."""
