"""Whoever asks what may be read gets an error."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("restrict_raises.thing")
def restrict(town, actor):
    """Decide."""
    raise KeyError(actor)
