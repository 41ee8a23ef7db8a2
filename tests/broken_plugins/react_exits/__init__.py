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


@hookimpl
def home_cards(town, actor):
    """React."""
    raise SystemExit(3)


@hookimpl
def calendar_entries(town, actor, start, end):
    """React."""
    raise SystemExit(3)


@hookimpl
def public_notices(town):
    """React."""
    raise SystemExit(3)


@hookimpl
def public_panels(town, record):
    """React."""
    raise SystemExit(3)


@hookimpl
def health_checks(town):
    """React."""
    raise SystemExit(3)
