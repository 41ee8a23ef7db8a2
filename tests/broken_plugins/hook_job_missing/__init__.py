"""Its manifest mistypes the function of its job."""


def clean(town):
    """Never called."""
