"""Its hook takes what there isn't."""

from townhall import hookimpl


@hookimpl
def after_save(change, weather):
    """Never called."""
