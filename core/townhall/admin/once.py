"""Forms that are sent once: a second press of the button leads to what the first one made."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import session

from townhall.limiting import allow

if TYPE_CHECKING:
    from townhall.town import Town

#: How many sent forms a session remembers.
REMEMBERED = 12


def new_form_id() -> str:
    """A name for one showing of a form."""
    return secrets.token_urlsafe(9)


def first_time(town: Town, form_id: str) -> bool:
    """Whether the form is sent for the first time. A form without an id (an old page) is let through."""
    if not form_id:
        return True
    return allow(town, "form", form_id, limit=1, per=timedelta(days=1))


def remember(form_id: str, url: str) -> None:
    """Keep where a sent form led."""
    sent = session.get("sent", [])
    session["sent"] = [*sent[-REMEMBERED + 1 :], [form_id, url]]


def where_to(form_id: str) -> str:
    """Where the form led when it was sent before; empty if this session doesn't know."""
    return next((url for known, url in session.get("sent", []) if known == form_id), "")
