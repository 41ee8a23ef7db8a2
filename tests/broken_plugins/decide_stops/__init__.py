"""Its decision raises what only generators do."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_stops.thing")
def before_save(town, change):
    """Decide."""
    raise GeneratorExit
