"""What it writes makes it write again."""

from townhall import hookimpl
from townhall import system


@hookimpl
def after_save(town, change):
    """React."""
    town.records.create(system(), "react_to_itself.thing", {"label": "Another"})
