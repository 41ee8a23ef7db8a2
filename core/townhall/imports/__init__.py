"""Bringing in what a town already has: CSV files, described by a mapping file, through :mod:`townhall.records`."""
