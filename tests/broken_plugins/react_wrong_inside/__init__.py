"""Its panels hold objects where text belongs."""

from townhall import Flag
from townhall import Panel
from townhall import PanelRow
from townhall import hookimpl


@hookimpl
def after_save(town, change):
    """React."""
    assert change.id is None


@hookimpl
def record_panels(town, record):
    """React."""
    return [Panel("Things", rows=[PanelRow(object(), "core.contact", "one")])]


@hookimpl
def record_flags(town, record):
    """React."""
    return [Flag("Something", tone="purple")]
