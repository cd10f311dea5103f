"""Synthetic scanned rooms: furnished rooms with known instances, seen by a simulated camera."""
