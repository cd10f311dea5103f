"""The metrics: pseudo labels, and ScanNet's semantic and instance benchmarks."""
