"""Whatever it reacts to, it fails."""

from townhall import hookimpl


@hookimpl
def after_save(town, change):
    """React."""
    raise KeyError(change.values)


@hookimpl
def record_panels(town, record):
    """React."""
    raise RuntimeError(record.title)


@hookimpl
def record_flags(town, record):
    """React."""
    raise RuntimeError(record.title)
