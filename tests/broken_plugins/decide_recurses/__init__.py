"""Its decision never ends."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_recurses.thing")
def before_save(town, change):
    """Decide."""
    return before_save(town, change)
