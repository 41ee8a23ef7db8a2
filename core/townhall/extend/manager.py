"""The plugin manager: one typed method per hook, each implementation run alone and guarded.

Core never calls a hook directly. A plain call of all implementations would lose every plugin's results when one of
them fails; here a failure concerns the plugin that failed, and nobody else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pluggy

from townhall import hookspecs
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.extend.discovery import Found
from townhall.extend.loading import Loaded
from townhall.extend.values import Change
from townhall.extend.values import Flag
from townhall.extend.values import Panel

if TYPE_CHECKING:
    from townhall.access.actors import Actor
    from townhall.demo import Demo
    from townhall.records.types import Record
    from townhall.town import Town

log = logging.getLogger("townhall.plugins")

#: Name of the plugin, function, names of the arguments that it takes.
Implementation = tuple[str, Any, tuple[str, ...]]

#: Most flags shown beside a record's title.
MAX_FLAGS = 4


class PluginManager:
    """The plugins of one town, as they run now.

    ``found`` holds all plugins that are there, ``running`` those that are on, ``problems`` why one that should be on
    isn't, and ``frozen`` those that don't run and whose records can be read.
    """

    def __init__(self, town: Town, found: Mapping[str, Found], loaded: Loaded) -> None:
        self.found = found
        self.running: dict[str, Found] = dict(loaded.running)
        self.problems: dict[str, str] = dict(loaded.problems)
        self.frozen = dict(loaded.frozen)
        self._town = town
        self._settings = dict(loaded.settings)
        self._pluggy = pluggy.PluginManager("townhall")
        self._pluggy.add_hookspecs(hookspecs)
        for name, module in loaded.modules.items():
            self._pluggy.register(module, name)
        #: Implementations by hook and type of record, worked out when first asked for; what runs doesn't change.
        self._asked: dict[tuple[str, str], tuple[Implementation, ...]] = {}

    # -- what runs --------------------------------------------------------------------------------------------

    def has(self, hook: str, identity: str = "") -> bool:
        """Whether any running plugin implements ``hook``, for the type ``identity``; fast paths skip asking."""
        return bool(self._implementations(hook, identity))

    def settings(self, name: str) -> Mapping[str, Any]:
        """The values of a running plugin's settings; those that the town didn't set have their defaults."""
        return self._settings.get(name, {})

    def folders(self) -> Mapping[str, Path]:
        """The folders of the running plugins, by name."""
        return {name: plugin.folder for name, plugin in self.running.items()}

    def title(self, name: str) -> str:
        """What to call a plugin on screen."""
        plugin = self.found.get(name)
        if plugin is not None and plugin.manifest is not None:
            return plugin.title
        kept = self.frozen.get(name)
        return kept.title if kept is not None else name

    # -- deciding: a failure refuses --------------------------------------------------------------------------

    def before_save(self, change: Change) -> dict[str, Any]:
        """Ask every plugin about a change; the values that they add. Raises :class:`~townhall.errors.Rejected`."""
        added: dict[str, Any] = {}
        for plugin, function, names in self._implementations("before_save", change.identity):
            current = replace(change, values={**change.values, **added}) if added else change
            with self._deciding(plugin, "before_save"):
                result = _call(function, names, town=self._town, change=current)
                if result is not None and not isinstance(result, Mapping):
                    raise TypeError(f"before_save returned {type(result).__name__}, not a mapping or None")
                added.update(result or {})
        return added

    def compute_field(self, identity: str, field: str, name: str, values: Mapping[str, Any]) -> Any:
        """The value of a computed field from the first plugin that knows it; ``None`` if none does."""
        for plugin, function, names in self._implementations("compute_field"):
            with self._deciding(plugin, "compute_field"):
                result = _call(
                    function, names, town=self._town, identity=identity, field=field, name=name, values=values
                )
            if result is not None:
                return result
        return None

    # -- reacting: a failure is told and contained ------------------------------------------------------------

    def after_save(self, change: Change) -> None:
        """Tell every plugin of a change that is committed."""
        for plugin, function, names in self._implementations("after_save", change.identity):
            with self._reacting(plugin, "after_save"):
                _call(function, names, town=self._town, change=change)

    def record_panels(self, actor: Actor, record: Record) -> list[Panel]:
        """The panels that plugins add to a record's page; one that failed is a panel with a ``problem``."""
        panels: list[Panel] = []
        for plugin, function, names in self._implementations("record_panels"):
            with self._reacting(plugin, "record_panels") as failure:
                result = _call(function, names, town=self._town, actor=actor, record=record)
                panels += [replace(panel, plugin=plugin) for panel in _all_of(Panel, result)]
            if failure:
                problem = f"{self.title(plugin)} could not show this. Everything else works."
                panels.append(Panel(label=self.title(plugin), plugin=plugin, problem=problem))
        return panels

    def record_flags(self, actor: Actor, record: Record) -> list[Flag]:
        """The flags that plugins add beside a record's title."""
        flags: list[Flag] = []
        for plugin, function, names in self._implementations("record_flags"):
            with self._reacting(plugin, "record_flags"):
                result = _call(function, names, town=self._town, actor=actor, record=record)
                flags += [replace(flag, plugin=plugin) for flag in _all_of(Flag, result)]
        return flags[:MAX_FLAGS]

    def demo_records(self, demo: Demo) -> None:
        """Let every plugin make its records for the demo town."""
        for plugin, function, names in self._implementations("demo_records"):
            with self._reacting(plugin, "demo_records"):
                _call(function, names, town=self._town, demo=demo)

    # -- how --------------------------------------------------------------------------------------------------

    def _implementations(self, hook: str, identity: str = "") -> tuple[Implementation, ...]:
        """The implementations of a hook, in their order; those that name types only for one of these."""
        known = self._asked.get((hook, identity))
        if known is None:
            known = self._asked[hook, identity] = tuple(
                (each.plugin_name, each.function, each.argnames)
                for each in reversed(getattr(self._pluggy.hook, hook).get_hookimpls())
                if not identity or identity in getattr(each.function, "townhall_types", (identity,))
            )
        return known

    @contextmanager
    def _deciding(self, plugin: str, hook: str) -> Iterator[None]:
        # No savepoint here: a refusal undoes the whole change, and with it what the implementation wrote.
        try:
            yield
        except TownhallError:
            raise
        except Exception as error:
            log.exception("Plugin %s failed in %s", plugin, hook)
            raise Rejected(
                f"{self.title(plugin)} could not check this, so nothing was saved. Ask whoever looks after Townhall."
            ) from error

    @contextmanager
    def _reacting(self, plugin: str, hook: str) -> Iterator[list[str]]:
        failure: list[str] = []
        try:
            with self._savepoint():
                yield failure
        except Exception as error:
            failure.append(f"{type(error).__name__}: {error}")
            log.exception("Plugin %s failed in %s", plugin, hook)

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        """Undo what a failing implementation wrote; outside a transaction each of its writes has its own."""
        database = self._town.database
        if database.transaction_depth() == 0:
            yield
        else:
            with database.atomic():
                yield


def _call(function: Any, names: Sequence[str], **arguments: Any) -> Any:
    return function(*(arguments[name] for name in names))


def _all_of(kind: type, result: Any) -> Sequence[Any]:
    items = [] if result is None else list(result)
    for item in items:
        if not isinstance(item, kind):
            raise TypeError(f"expected {kind.__name__} objects, got {type(item).__name__}")
    return items
