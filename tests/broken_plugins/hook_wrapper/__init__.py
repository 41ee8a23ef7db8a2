"""Its hook wants to see what other plugins answer."""

from townhall import hookimpl


@hookimpl(wrapper=True)
def record_panels():
    """Never called."""
    return (yield)
