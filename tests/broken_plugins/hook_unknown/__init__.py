"""Its hook is none of Townhall's."""

from townhall import hookimpl


@hookimpl
def when_it_rains():
    """Never called."""
