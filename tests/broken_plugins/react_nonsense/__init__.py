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


@hookimpl
def home_cards(town, actor):
    """React."""
    return {"a": 1}


@hookimpl
def calendar_entries(town, actor, start, end):
    """React."""
    return ["today"]


@hookimpl
def public_notices(town):
    """React."""
    return [object()]


@hookimpl
def public_panels(town, record):
    """React."""
    return "panel"


@hookimpl
def health_checks(town):
    """React."""
    return [None]
