"""Its decision makes another record, which it must decide about."""

from townhall import for_types
from townhall import hookimpl
from townhall import system


@hookimpl
@for_types("decide_leads_to_itself.thing")
def before_save(town, change):
    """Decide."""
    town.records.create(system(), "decide_leads_to_itself.thing", {"label": "Another"})
