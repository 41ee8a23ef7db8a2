"""The complaints module."""
