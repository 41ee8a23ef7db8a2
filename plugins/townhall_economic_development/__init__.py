"""The economic_development module."""
