"""Its decision is no mapping."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_nonsense.thing")
def before_save(town, change):
    """Decide."""
    return [1, 2, 3]
