"""Where a plugin's types stand in the menu, and under which name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from townhall.town import Town

CORE = "core"


def plugin_place(town: Town, plugin: str) -> tuple[bool, int, str]:
    """Where a plugin's types stand in the menu: core first, then in the order that the manifests ask for."""
    found, kept = town.plugins.running.get(plugin), town.plugins.frozen.get(plugin)
    if found is not None and found.manifest is not None:
        return plugin != CORE, found.manifest.navigation_order, plugin
    return plugin != CORE, kept.essentials.navigation_order if kept is not None else 100, plugin


def plugin_label(town: Town, plugin: str) -> str:
    """What the menu calls a plugin."""
    found, kept = town.plugins.running.get(plugin), town.plugins.frozen.get(plugin)
    if found is not None and found.manifest is not None:
        label = found.manifest.navigation_label
    else:
        label = kept.essentials.navigation_label if kept is not None else ""
    return label or town.plugins.title(plugin)
