"""The fields of the system tables, one module for each part of the town that owns them."""
