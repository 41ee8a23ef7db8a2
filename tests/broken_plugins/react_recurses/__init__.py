"""Whatever it reacts to, it never ends."""

from townhall import hookimpl


@hookimpl
def after_save(town, change):
    """React."""
    after_save(town, change)


@hookimpl
def record_panels(town, record):
    """React."""
    return record_panels(town, record)


@hookimpl
def record_flags(town, record):
    """React."""
    return record_flags(town, record)
