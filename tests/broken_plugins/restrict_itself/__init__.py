"""To say what may be read it reads as the one who asks, which asks it again."""

from townhall import for_types
from townhall import hookimpl


@hookimpl
@for_types("restrict_itself.thing")
def restrict(town, actor):
    """Decide."""
    name = "restrict_itself.thing"
    return {name: {"id": [thing.id for thing in town.records.find(actor, name).records]}}
