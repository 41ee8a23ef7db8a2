"""Migrations: what a plugin's files in ``migrations`` say, and what carries it out.

Only here, in the module that adds columns and in records themselves may SQL touch tables of records.
"""
