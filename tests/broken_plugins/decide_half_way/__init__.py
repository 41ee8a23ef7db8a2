"""Its decision is a generator."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_half_way.thing")
def before_save(town, change):
    """Decide."""
    yield "label"
