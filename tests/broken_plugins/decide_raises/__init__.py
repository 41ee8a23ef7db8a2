"""Its decision fails."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_raises.thing")
def before_save(town, change):
    """Decide."""
    raise KeyError(change.values["label"])
