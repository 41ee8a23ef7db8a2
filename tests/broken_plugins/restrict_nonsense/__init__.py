"""What may be read is told in a condition that there isn't."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("restrict_nonsense.thing")
def restrict(town, actor):
    """Decide."""
    return {"restrict_nonsense.thing": {"no_such_field": {"resembles": actor}}}
