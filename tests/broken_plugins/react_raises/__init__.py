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


@hookimpl
def home_cards(town, actor):
    """React."""
    raise RuntimeError("home_cards")


@hookimpl
def calendar_entries(town, actor, start, end):
    """React."""
    raise RuntimeError("calendar_entries")


@hookimpl
def public_notices(town):
    """React."""
    raise RuntimeError("public_notices")


@hookimpl
def public_panels(town, record):
    """React."""
    raise RuntimeError("public_panels")


@hookimpl
def health_checks(town):
    """React."""
    raise RuntimeError("health_checks")
