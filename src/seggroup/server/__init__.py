"""The annotation server: the operation log, live propagation, and the page."""
