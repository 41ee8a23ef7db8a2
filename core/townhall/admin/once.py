"""Forms that are sent once: a second press of the button leads to what the first one made.

A form from which nothing was saved was not sent, whatever the reason: after going back it can be sent again.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Flask
from flask import g
from flask import session
from peewee import DatabaseError

from townhall.limiting import allow
from townhall.limiting import forget

if TYPE_CHECKING:
    from townhall.town import Town

#: How many sent forms a session remembers.
REMEMBERED = 12
_BUCKET = "form"


def new_form_id() -> str:
    """A name for one showing of a form."""
    return secrets.token_urlsafe(9)


def install(app: Flask, town: Town) -> None:
    """Let forms be sent again from which nothing was saved: something in them was wrong, or the database was busy."""

    @app.teardown_request
    def give_back(error: BaseException | None) -> None:
        form_id = g.pop("form_under_way", "")
        if form_id:
            with suppress(DatabaseError):  # that is down may be why nothing was saved
                forget(town, _BUCKET, form_id)


def first_time(town: Town, form_id: str) -> bool:
    """Whether the form is sent for the first time. A form without an id (an old page) is let through.

    Once it is saved that has to be said with :func:`saved` or :func:`remember`.
    """
    if not form_id:
        return True
    first = allow(town, _BUCKET, form_id, limit=1, per=timedelta(days=1))
    if first:
        g.form_under_way = form_id
    return first


def saved() -> None:
    """Say that what the form sent is kept, so that it is not sent again."""
    g.pop("form_under_way", None)


def remember(form_id: str, url: str) -> None:
    """Say that what the form sent is kept, and where that led."""
    saved()
    sent = session.get("sent", [])
    session["sent"] = [*sent[-REMEMBERED + 1 :], [form_id, url]]


def where_to(form_id: str) -> str:
    """Where the form led when it was sent before; empty if this session doesn't know."""
    return next((url for known, url in session.get("sent", []) if known == form_id), "")
