"""Its decision sets lines that are none, in a table of their own."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_wrong_rows.thing")
def before_save(town, change):
    """Decide."""
    return {"lines": [{"what": object()}, 7]}
