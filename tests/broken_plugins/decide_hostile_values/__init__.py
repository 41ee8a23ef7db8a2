"""Its decision sets what can't be written down."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_hostile_values.thing")
def before_save(town, change):
    """Decide."""
    return {"note": "\ud800"}
