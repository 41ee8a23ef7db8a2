"""Instants as the tables hold them: microseconds since 1970, UTC."""

from __future__ import annotations

from townhall_forms.instants import from_microseconds
from townhall_forms.instants import to_microseconds

__all__ = ["from_microseconds", "to_microseconds"]
