"""The walk over what is private: every field of every type, for every role, on every surface.

:func:`walk` makes records with a value of its own in each field, fetches everything that a town shows to anybody, and
says which value stands where it must not. The project's own tests walk all plugins with it, and
``townhall plugins check`` a vendor's.
"""

from __future__ import annotations

from townhall.testing.privacy.walking import walk
from townhall.testing.privacy.watching import Leak
from townhall.testing.privacy.watching import Report

__all__ = ["Leak", "Report", "walk"]
