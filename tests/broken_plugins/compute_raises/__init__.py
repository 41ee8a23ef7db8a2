"""Its computing fails."""

from townhall import hookimpl


@hookimpl
def compute_field(values):
    """Compute."""
    return 1 / 0
