"""SegGroup: label a whole 3D scan with one click per object, and train on it."""

__version__ = "0.1.0"
