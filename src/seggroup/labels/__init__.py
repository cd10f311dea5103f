"""Clicks, simulated annotators and what labelling costs (paper 3.1, appendix A)."""
