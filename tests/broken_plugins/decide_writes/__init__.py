"""Its decision writes, then fails."""

from townhall import for_types
from townhall import hookimpl
from townhall import system


@hookimpl
@for_types("decide_writes.thing")
def before_save(town, change):
    """Decide."""
    town.records.create(system(), "core.contact", {"kind": "person", "family_name": "Ghost"})
    raise RuntimeError("no")
