"""Its decision sets an object where text belongs."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_wrong_values.thing")
def before_save(town, change):
    """Decide."""
    return {"note": object()}
