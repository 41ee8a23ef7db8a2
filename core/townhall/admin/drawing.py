"""Pieces of pages that are drawn once: what depends on nothing but the values that it is made of.

A menu of forty lines or a form with all filters of a list looks the same on one page after the other. Its HTML is kept
by its values and not by where they came from, so it can't be out of date.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment

#: How many pieces an application keeps.
MOST = 500


class Drawer:
    """Draws the pieces of one application."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._drawn = lru_cache(maxsize=MOST)(self._draw)

    def draw(self, template: str, **values: Hashable) -> Markup:
        """The template with these values. It can't ask for the request: no token, no one-time word, nobody's name."""
        return self._drawn(template, tuple(values.items()))

    def _draw(self, template: str, values: tuple[tuple[str, Hashable], ...]) -> Markup:
        return Markup(self._environment.get_template(template).render(dict(values)))  # noqa: S704  # Jinja escaped it
