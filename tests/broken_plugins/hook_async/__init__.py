"""Its hook is a coroutine."""

from townhall import hookimpl


@hookimpl
async def before_save(change):
    """Never called."""
