"""Its reactions are no panels and no flags."""

from townhall import hookimpl


@hookimpl
def after_save(town, change):
    """React."""
    yield "never run"


@hookimpl
def record_panels(town, record):
    """React."""
    return [1, "two", None]


@hookimpl
def record_flags(town, record):
    """React."""
    return 7
