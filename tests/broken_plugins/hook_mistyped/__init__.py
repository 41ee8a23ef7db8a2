"""Its hook is for a type that there isn't, so nobody would ask it."""

from townhall import Rejected
from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("hook_mistyped.thnig")
def before_save(change):
    """Never called."""
    raise Rejected("No.")
