"""Where administrators change fields, labels, order and choices: the town's own layer on screen."""

from __future__ import annotations

from townhall.admin.layer_pages import LayerPages
from townhall.admin.type_pages import TypePages


class TypesView(LayerPages, TypePages):
    """All pages of the town's layer, put together of its parts."""
