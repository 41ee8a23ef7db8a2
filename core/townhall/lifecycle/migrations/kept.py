"""Which version and which schemas the tables of a plugin were last brought up to date with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townhall.db import meta
from townhall.extend import states

if TYPE_CHECKING:
    from townhall.town import Town

#: What Townhall's own types and tables are called in the ledger.
CORE = "core"
#: Keys of the facts that the town keeps about itself.
CORE_VERSION = "core_version"
_CORE_SCHEMAS = "core_schemas"


def texts(town: Town, plugin: str) -> str:
    """The text of a plugin's schemas as they are installed, as JSON by file name."""
    folders = town.core_folders if plugin == CORE else [town.found[plugin].folder / "schemas"]
    files = [file for folder in folders for file in sorted(folder.glob("*.toml"))]
    return states.schemas_text({file.name: file.read_text(encoding="utf-8-sig") for file in files})


def kept(town: Town, plugin: str) -> tuple[str, str]:
    """Version and schemas that the tables were last brought up to date with."""
    if plugin == CORE:
        return meta.get(town.system, CORE_VERSION), meta.get(town.system, _CORE_SCHEMAS)
    return states.applied(town.system, plugin)


def keep(town: Town, plugin: str, version: str, texts: str) -> None:
    """Keep what the tables of a plugin have now."""
    if kept(town, plugin) == (version, texts):
        return
    if plugin == CORE:
        meta.put(town.system, _CORE_SCHEMAS, texts)
    else:
        states.keep_applied(town.system, plugin, version=version, schemas=texts)
