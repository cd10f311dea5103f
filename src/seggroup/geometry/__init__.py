"""From scan to segment graph (paper 3.1)."""
