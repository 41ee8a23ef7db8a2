"""A layer of a town for the plugin ``desk``, as a file and as it is typed."""

from __future__ import annotations

WARD = """
[desk.ticket.fields.town_ward]
type = "choice"
label = "Ward"
choices = ["north", "south"]
privacy = "public"
search = true
filter = true
column = true
forms = ["public"]
"""


def answers(**more: str) -> dict[str, str]:
    """What the form for a new choice field is filled with."""
    choices = {"choices-0-label": "North", "choices-1-label": "The South", "choices-1-value": "south"}
    given = {"label": "Ward", "type": "choice", "privacy": "public", "section": "details", "default": "north"}
    return given | choices | {"search": "yes", "filter": "yes", "column": "yes", "forms": "public"} | more
