"""Whatever it reacts to, it wants the whole process to end."""

from townhall import hookimpl


@hookimpl
def after_save(town, change):
    """React."""
    raise SystemExit(3)


@hookimpl
def record_panels(town, record):
    """React."""
    raise SystemExit(3)


@hookimpl
def record_flags(town, record):
    """React."""
    raise GeneratorExit
