"""Its job wants more than the town."""


def clean(town, more):
    """Never called."""
