"""Its decision wants the whole process to end."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("decide_exits.thing")
def before_save(town, change):
    """Decide."""
    raise SystemExit(3)
