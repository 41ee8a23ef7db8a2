"""Its reactions take their time."""

from datetime import timedelta

from townhall import Flag
from townhall import Panel
from townhall import hookimpl


@hookimpl
def after_save(town, change):
    """React."""
    town.clock.move(timedelta(seconds=3))


@hookimpl
def record_panels(town, record):
    """React."""
    town.clock.move(timedelta(seconds=1))
    return [Panel("Slow", note="But here it is")]


@hookimpl
def record_flags(town, record):
    """React."""
    town.clock.move(timedelta(seconds=20))
    return [Flag("Very slow")]
