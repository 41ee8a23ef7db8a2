"""Its decision has keys that are no names."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_strange_keys.thing")
def before_save(town, change):
    """Decide."""
    return {1: "x"}
