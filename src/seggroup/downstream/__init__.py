"""Downstream training (paper 4.2, 4.3): point-level models trained on labels of any kind."""
