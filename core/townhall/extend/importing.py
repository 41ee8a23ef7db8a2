"""Importing a plugin's code, so that its failure is the plugin's own."""

from __future__ import annotations

import sys
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from townhall.errors import PluginError
from townhall.extend.discovery import Found

#: Prefix of the import names of plugins that lie in the instance's folder.
FOLDER_PREFIX = "townhall_folder_"


#: Digests of the code in the folders that code was imported from, as it was then.
_imported: dict[str, str] = {}


def outdated(found: Found) -> str:
    """Why a plugin needs a restart: its code on the disk is not what this process imported. Empty if it doesn't."""
    known = _imported.get(str(found.folder))
    if known is None or not found.folder.is_dir() or known == digest(found.folder):
        return ""
    return f"The code of {found.title} changed since Townhall was started. Restart Townhall to use it."


def digest(folder: Path) -> str:
    """A digest of all Python files in a folder, and of where they stand."""
    whole = sha256()
    for file in sorted(folder.rglob("*.py")):
        whole.update(f"{file.relative_to(folder)}\0".encode())
        whole.update(sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def import_plugin(found: Found) -> ModuleType | None:
    """Import the plugin's module; ``None`` if it has no code. Raises :class:`~townhall.errors.PluginError`.

    What is imported once stays as it was: if its files are others by now, that is refused, so that no old code ever
    runs with new schemas.
    """
    if reason := outdated(found):
        raise PluginError(reason)
    try:
        module = import_module(found.module) if found.module else _import_folder(found)
        if module is not None:
            _imported.setdefault(str(found.folder), digest(found.folder))
        return module
    except PluginError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | MemoryError):
            raise
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
