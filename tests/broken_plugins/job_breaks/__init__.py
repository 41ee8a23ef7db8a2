"""Its jobs fail in every way, and one works."""

from townhall import system


def raises(town):
    """Fail, with somebody's name."""
    raise ValueError("no way for " + "uaeroM"[::-1])


def exits(town):
    """Leave."""
    raise SystemExit(3)


def recurses(town):
    """Never come to an end."""
    return recurses(town)


def talks_nonsense(town):
    """Answer something else than a sentence."""
    return {"done": object()}


def comes_generated(town):
    """Answer something that would have to be driven on."""
    return (number for number in range(3))


def half_way(town):
    """Fail in the middle of a transaction."""
    with town.database.atomic():
        town.records.create(system(), "job_breaks.thing", {"label": "Half"})
        raise RuntimeError


def works(town):
    """Do what a job does."""
    return "<script>alert(1)</script>"
