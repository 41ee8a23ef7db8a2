"""Its reactions have no end."""

from itertools import count

from townhall import Flag
from townhall import Panel
from townhall import hookimpl


@hookimpl
def after_save(town, change):
    """React."""
    assert change.id is None


@hookimpl
def record_panels(town, record):
    """React."""
    return (Panel(str(number)) for number in count())


@hookimpl
def record_flags(town, record):
    """React."""
    return (Flag(str(number)) for number in count())
