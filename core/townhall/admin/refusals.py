"""What a write that was refused says to whoever pressed the button: the same words on every page."""

from __future__ import annotations

from townhall.errors import Conflict
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed

#: What records raise when nothing was written and the person can do something about it: ``except REFUSED as refused``.
REFUSED = (Conflict, Rejected, ValidationFailed)
CHANGED_MEANWHILE = "A colleague changed this a moment ago. Look at it again, then decide."


def problems(refused: TownhallError) -> dict[str, str]:
    """What is wrong, a sentence per path of a field; under ``""`` what is about the whole."""
    if isinstance(refused, Conflict):
        return {"": CHANGED_MEANWHILE}
    if isinstance(refused, ValidationFailed):
        return dict(refused.errors)
    return {refused.field if isinstance(refused, Rejected) else "": str(refused)}


def sentence(refused: TownhallError) -> str:
    """All of it in a row, each sentence once, where there is no form to put it into."""
    return " ".join(dict.fromkeys(problems(refused).values()))
