"""Townhall: a citizen relationship management system for small towns.

This module is the plugin API: what stands in ``__all__`` is promised to plugins and nothing else is.
"""

from __future__ import annotations

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.extend.manifest import API_VERSION
from townhall.extend.values import Assignment
from townhall.extend.values import Change
from townhall.extend.values import Deadline
from townhall.extend.values import Finding
from townhall.extend.values import Flag
from townhall.extend.values import Notice
from townhall.extend.values import Panel
from townhall.extend.values import PanelRow
from townhall.hookspecs import for_types
from townhall.hookspecs import hookimpl
from townhall.lifecycle.migrations.verbs import Migration
from townhall.records.types import Count
from townhall.records.types import HistoryEntry
from townhall.records.types import Page
from townhall.records.types import Record


def current_actor() -> Actor:
    """Who asks for the page that is being made: somebody who is signed in, or a visitor. For views of plugins."""
    from townhall import accounts

    return accounts.current_actor()


__all__ = [
    "ANONYMOUS",
    "API_VERSION",
    "Actor",
    "Assignment",
    "Change",
    "Conflict",
    "Count",
    "Deadline",
    "Finding",
    "Flag",
    "Forbidden",
    "HistoryEntry",
    "Migration",
    "NotFound",
    "Notice",
    "Page",
    "Panel",
    "PanelRow",
    "Record",
    "Rejected",
    "TownhallError",
    "ValidationFailed",
    "current_actor",
    "for_types",
    "hookimpl",
    "system",
]
