"""Actors and policy: who acts, and what they may do and see. Knows no web framework and no database."""

from __future__ import annotations
