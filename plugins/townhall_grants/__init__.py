"""The grants module."""
