"""Readers and writers: the only part of the program that touches files."""
