"""The town that the present request is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from townhall.town import Town


def current_town() -> Town:
    """The town that the present request is about."""
    town: Town = current_app.extensions["townhall"]
    return town
