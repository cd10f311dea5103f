"""The SegGroup network (paper 3.2, appendices B and C)."""
