"""Its job is async, so a plain call would do nothing."""


async def clean(town):
    """Never called."""
