"""What it writes makes it write again."""

from townhall import system
from townhall import hookimpl


@hookimpl
def after_save(town, change):
    """React."""
    town.records.create(system(), "react_to_itself.thing", {"label": "Another"})
