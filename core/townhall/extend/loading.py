"""Bringing plugins up one by one: each fits with all before it, or is off with a reason, and none stops another."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from types import ModuleType
from typing import TYPE_CHECKING
from typing import Any

from townhall.errors import PluginError
from townhall.extend import compatibility
from townhall.extend.discovery import Found
from townhall.extend.hooks import check_hooks
from townhall.extend.importing import import_plugin
from townhall.extend.manifest import Manifest
from townhall_forms.errors import SchemaErrors
from townhall_forms.loading import load_schemas
from townhall_forms.loading import read_folder
from townhall_forms.schema import Schemas

if TYPE_CHECKING:
    from townhall.extend.frozen import Frozen


@dataclass
class Loaded:
    """What came of loading: the types of all plugins that run, their code, and why the others don't run.

    ``frozen`` has the plugins that don't run and whose records can be read; their types are among ``schemas``.
    """

    schemas: Schemas
    running: dict[str, Found] = field(default_factory=dict)
    modules: dict[str, ModuleType] = field(default_factory=dict)
    settings: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    frozen: dict[str, Frozen] = field(default_factory=dict)


def load_plugins(
    found: Mapping[str, Found],
    wanted: Iterable[str],
    core: Schemas,
    settings: Mapping[str, Mapping[str, Any]],
    *,
    code: bool = True,
) -> Loaded:
    """Bring up the plugins called ``wanted`` over the ``core`` types, those that others require first.

    ``settings`` holds what the town set for each plugin; without ``code`` no plugin's code is imported.
    """
    loaded = Loaded(core)
    names = set(wanted)
    loaded.problems = compatibility.check(found, names)
    for name in in_order(found, names - loaded.problems.keys()):
        try:
            load_one(loaded, found, name, settings.get(name, {}), code=code)
        except PluginError as error:
            loaded.problems[name] = str(error)
    return loaded


def load_one(
    loaded: Loaded, found: Mapping[str, Found], name: str, settings: Mapping[str, Any], *, code: bool = True
) -> None:
    """Add one plugin, which goes together with the others, to ``loaded``.

    Raises :class:`~townhall.errors.PluginError` and leaves ``loaded`` as it was.
    """
    plugin = found[name]
    manifest = plugin.manifest
    if manifest is None:
        raise PluginError(plugin.problem)
    for needed in manifest.requires:
        if needed not in loaded.running:
            raise PluginError(f"{manifest.title} needs the plugin {found[needed].title}, which could not start.")
    values = plugin_settings(manifest, settings)
    module = import_plugin(plugin) if code else None
    if module is not None:
        check_hooks(name, module)
    schemas = plugin_schemas(plugin, manifest, loaded.schemas)
    loaded.schemas = schemas
    loaded.running[name] = plugin
    loaded.settings[name] = values
    if module is not None:
        loaded.modules[name] = module


def plugin_settings(manifest: Manifest, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the plugin's settings. Raises :class:`~townhall.errors.PluginError` on a wrong one."""
    problems = []
    for name, value in given.items():
        setting = manifest.settings.get(name)
        place = f"townhall.toml: plugins.{manifest.name}.{name}"
        if setting is None:
            known = f" Known are {', '.join(manifest.settings)}." if manifest.settings else ""
            problems.append(f"{place}: {manifest.title} has no such setting.{known}")
        elif problem := setting.problem(value):
            problems.append(f"{place}: {value!r} {problem}.")
    if problems:
        raise PluginError("\n".join(problems))
    return {name: given.get(name, setting.default) for name, setting in manifest.settings.items()}


def plugin_schemas(plugin: Found, manifest: Manifest, known: Schemas) -> Schemas:
    """The known types together with those of the plugin.

    Raises :class:`~townhall.errors.PluginError`, with a line for each mistake in its schemas.
    """
    folder = plugin.folder / "schemas"
    try:
        sources = read_folder(plugin.name, folder, frozenset(manifest.requires)) if folder.is_dir() else []
        return Schemas({**known, **load_schemas(sources, known)}) if sources else known
    except SchemaErrors as error:
        raise PluginError(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{folder}: the schemas can't be read: {error}.") from error


def in_order(found: Mapping[str, Found], names: Iterable[str]) -> list[str]:
    """``names`` in alphabetical order, but each after those that it requires; a loop is broken anywhere."""
    ordered: list[str] = []
    wanted = set(names)

    def visit(name: str, path: frozenset[str]) -> None:
        if name in ordered or name in path or name not in wanted:
            return
        plugin = found.get(name)
        for needed in sorted(plugin.manifest.requires) if plugin and plugin.manifest else ():
            visit(needed, path | {name})
        ordered.append(name)

    for name in sorted(wanted):
        visit(name, frozenset())
    return ordered
