"""Bringing plugins up one by one: each fits with all before it, or is off with a reason, and none stops another."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import Any

from townhall.errors import PluginError
from townhall.extend import compatibility
from townhall.extend import field_guards
from townhall.extend.discovery import Found
from townhall.extend.guarding import PASSED
from townhall.extend.hooks import Implementation
from townhall.extend.hooks import check_types
from townhall.extend.hooks import implementations
from townhall.extend.importing import import_plugin
from townhall.extend.jobs import functions as job_functions
from townhall.extend.manifest import Manifest
from townhall_forms.errors import SchemaErrors
from townhall_forms.layer import EMPTY
from townhall_forms.layer import Layer
from townhall_forms.layer_parts import Conflict
from townhall_forms.layered import load_layered
from townhall_forms.loading import read_folder
from townhall_forms.schema import Schemas

if TYPE_CHECKING:
    from townhall.extend.frozen import Frozen


@dataclass
class Loaded:
    """What came of loading: the types of all plugins that run, their hooks, and why the others don't run.

    A plugin without code, or whose code was left out, has no entry in ``hooks``. ``frozen`` has the plugins that don't
    run and whose records can be read; their types are among ``schemas``.
    """

    schemas: Schemas
    running: dict[str, Found] = field(default_factory=dict)
    hooks: dict[str, tuple[Implementation, ...]] = field(default_factory=dict)
    #: The functions behind each plugin's jobs, in the order of its manifest.
    jobs: dict[str, tuple[Implementation, ...]] = field(default_factory=dict)
    settings: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    frozen: dict[str, Frozen] = field(default_factory=dict)
    errors: dict[str, PluginError] = field(default_factory=dict)
    #: Parts of the town's own layer that could not be applied to the types.
    conflicts: list[Conflict] = field(default_factory=list)

    def fail(self, name: str, error: PluginError) -> None:
        """Keep why a plugin doesn't run."""
        self.problems[name] = str(error)
        self.errors[name] = error


def load_plugins(
    found: Mapping[str, Found],
    wanted: Iterable[str],
    core: Schemas,
    settings: Mapping[str, Mapping[str, Any]],
    *,
    code: bool = True,
    own_types: bool = True,
    layer: Layer = EMPTY,
) -> Loaded:
    """Bring up the plugins called ``wanted`` over the ``core`` types, those that others require first.

    ``settings`` holds what the town set for each plugin; without ``code`` no plugin's code is imported, and without
    ``own_types`` not even field types that were imported before are used. ``layer`` is the town's own, over the schemas
    of the plugins.
    """
    loaded = Loaded(core)
    names = set(wanted)
    for name, sentence in compatibility.check(found, names).items():
        plugin = found.get(name)
        fits = plugin is not None and plugin.manifest is not None and plugin.manifest.fits
        loaded.fail(name, PluginError(sentence, "requires" if fits else "manifest"))
    for name in in_order(found, names - loaded.problems.keys()):
        try:
            load_one(loaded, found, name, settings.get(name, {}), code=code, own_types=own_types, layer=layer)
        except PluginError as error:
            loaded.fail(name, error)
    return loaded


def load_one(
    loaded: Loaded,
    found: Mapping[str, Found],
    name: str,
    settings: Mapping[str, Any],
    *,
    code: bool = True,
    own_types: bool = True,
    layer: Layer = EMPTY,
) -> None:
    """Add one plugin, which goes together with the others, to ``loaded``.

    Raises :class:`~townhall.errors.PluginError` and leaves ``loaded`` as it was.
    """
    plugin = found[name]
    manifest = plugin.manifest
    if manifest is None:
        raise PluginError(plugin.problem, "manifest")
    for needed in manifest.requires:
        if needed not in loaded.running:
            reason = loaded.problems.get(needed, "").partition("\n")[0]
            raise PluginError(
                f"{manifest.title} needs the plugin {found[needed].title}, which could not start. {reason}".rstrip(),
                "requires",
            )
    with _at("settings"):
        values = plugin_settings(manifest, settings)
    with _at("import"):
        module = import_plugin(plugin) if code else None
    hooks = implementations(name, module) if module is not None else ()
    jobs = job_functions(name, manifest.jobs, module) if code else ()
    with _at("schemas"):
        schemas, conflicts = plugin_schemas(plugin, manifest, loaded.schemas, layer, own_types=own_types)
        field_guards.check(schemas, name)
    check_types(name, hooks, schemas)
    loaded.schemas = schemas
    loaded.conflicts += conflicts
    loaded.running[name] = plugin
    loaded.settings[name] = values
    if module is not None:
        loaded.hooks[name] = hooks
        loaded.jobs[name] = jobs


@contextmanager
def _at(stage: str) -> Iterator[None]:
    """What is refused in here is refused on this step of the start."""
    try:
        yield
    except PluginError as error:
        error.stage = error.stage or stage
        raise


def plugin_settings(manifest: Manifest, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the plugin's settings. Raises :class:`~townhall.errors.PluginError` on a wrong one."""
    problems = []
    for name, value in given.items():
        setting = manifest.settings.get(name)
        place = f"townhall.toml: plugins.{manifest.name}.{name}"
        if setting is None:
            close = get_close_matches(name, manifest.settings, n=1)
            known = f" Known are {', '.join(manifest.settings)}." if manifest.settings else " It has none."
            hint = f" Did you mean {close[0]}?" if close else known
            problems.append(f"{place}: {manifest.title} has no such setting.{hint}")
        elif problem := setting.problem(value):
            problems.append(f"{place}: {value!r} {problem}.")
    if problems:
        raise PluginError("\n".join(problems))
    return {name: given.get(name, setting.default) for name, setting in manifest.settings.items()}


def plugin_schemas(
    plugin: Found, manifest: Manifest, known: Schemas, layer: Layer = EMPTY, *, own_types: bool = True
) -> tuple[Schemas, Sequence[Conflict]]:
    """The known types together with those of the plugin, with the town's layer over them; and what of it didn't fit.

    Without ``own_types`` no field type is known that a plugin's code brought.

    Raises :class:`~townhall.errors.PluginError`, with a line for each mistake in its schemas.
    """
    folder = plugin.folder / "schemas"
    try:
        sources = read_folder(plugin.name, folder, manifest.requires, own_types=own_types) if folder.is_dir() else []
        return load_layered(sources, known, layer) if sources else (known, ())
    except SchemaErrors as error:
        raise PluginError(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{folder}: the schemas can't be read: {error}.") from error
    except PASSED:
        raise
    except BaseException as error:  # whatever nobody thought of: a file nested a thousand deep, a field type that exits
        raise PluginError(f"{folder}: the schemas can't be read: {type(error).__name__}.") from error


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
