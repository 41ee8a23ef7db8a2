"""The recruitment module."""
