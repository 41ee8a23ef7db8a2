"""Importing a plugin's code, so that its failure is the plugin's own."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec
from importlib.util import spec_from_file_location
from types import ModuleType

from townhall.errors import PluginError
from townhall.extend.discovery import Found

#: Prefix of the import names of plugins that lie in the instance's folder.
FOLDER_PREFIX = "townhall_folder_"


def import_plugin(found: Found) -> ModuleType | None:
    """Import the plugin's module; ``None`` if it has no code. Raises :class:`~townhall.errors.PluginError`."""
    try:
        if found.module:
            return import_module(found.module)
        return _import_folder(found)
    except PluginError:
        raise
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        raise PluginError(f"{found.name}: its code could not be imported: {type(error).__name__}: {error}.") from error


def _import_folder(found: Found) -> ModuleType | None:
    file = found.folder / "__init__.py"
    if not file.is_file():
        return None
    name = FOLDER_PREFIX + found.name
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(file):
        return loaded
    spec = spec_from_file_location(name, file, submodule_search_locations=[str(found.folder)])
    if spec is None or spec.loader is None:
        raise PluginError(f"{found.name}: its code in {file} can't be loaded.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
