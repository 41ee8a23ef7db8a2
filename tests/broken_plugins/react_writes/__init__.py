"""It writes after each change, then fails."""

from townhall import hookimpl
from townhall import system


@hookimpl
def after_save(town, change):
    """React."""
    if change.identity == "core.contact" and change.values["family_name"] != "Ghost":
        town.records.create(system(), "core.contact", {"kind": "person", "family_name": "Ghost"})
        raise RuntimeError("no")
