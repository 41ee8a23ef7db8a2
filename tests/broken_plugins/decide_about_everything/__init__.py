"""Its decision fails for every type of record there is."""

from townhall import hookimpl


@hookimpl
def before_save(town, change):
    """Decide."""
    raise RuntimeError("no")
