"""Its decision sets a field that there isn't."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_unknown_field.thing")
def before_save(town, change):
    """Decide."""
    return {"nowhere": "x"}
