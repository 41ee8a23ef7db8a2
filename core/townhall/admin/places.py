"""Where a plugin's types stand in the menu, and under which name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from townhall.town import Town

CORE = "core"


def plugin_place(town: Town, plugin: str) -> tuple[bool, int, str]:
    """Where a plugin's types stand in the menu: core first, then in the order that the manifests ask for."""
    found = town.plugins.found.get(plugin)
    manifest = found.manifest if found is not None else None
    return plugin != CORE, manifest.navigation_order if manifest is not None else 100, plugin


def plugin_label(town: Town, plugin: str) -> str:
    """What the menu calls a plugin."""
    found = town.plugins.found.get(plugin)
    manifest = found.manifest if found is not None else None
    return (manifest.navigation_label if manifest is not None else "") or town.plugins.title(plugin)
