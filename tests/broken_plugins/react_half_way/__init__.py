"""Its reactions break off in the middle."""

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
    yield Panel("First")
    raise RuntimeError("second")


@hookimpl
def record_flags(town, record):
    """React."""
    yield Flag("First")
    raise RuntimeError("second")
