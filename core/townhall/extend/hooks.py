"""Checking a plugin's hooks before it runs: one that Townhall can't ask under guard keeps the whole plugin off."""

from __future__ import annotations

from types import ModuleType

import pluggy

from townhall import hookspecs
from townhall.errors import PluginError


def check_hooks(name: str, module: ModuleType) -> None:
    """Refuse a module whose hooks Townhall doesn't have, or that wrap those of other plugins.

    Raises :class:`~townhall.errors.PluginError`.
    """
    probe = pluggy.PluginManager("townhall")
    probe.add_hookspecs(hookspecs)
    try:
        probe.register(module, name)
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{name}: its hooks don't fit: {' '.join(str(error).split())}") from error
    for caller in probe.get_hookcallers(module) or ():
        if not caller.has_spec():
            raise PluginError(f"{name}: it implements the hook {caller.name}, which this Townhall doesn't have.")
        if any(found.wrapper or found.hookwrapper for found in caller.get_hookimpls()):
            raise PluginError(f"{name}: its {caller.name} wraps other plugins' hooks, which is not allowed.")
