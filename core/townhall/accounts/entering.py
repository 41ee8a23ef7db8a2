"""The moment at which somebody is in: a session of their own begins, and whatever this browser had before is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app
from flask import g
from flask import request
from flask import session
from flask_security import login_user
from itsdangerous import BadSignature
from itsdangerous import URLSafeSerializer
from werkzeug.wrappers import Response

from townhall.access.actors import Actor
from townhall.accounts import lockout
from townhall.accounts import log
from townhall.accounts import people
from townhall.accounts import second_factor
from townhall.accounts import sessions
from townhall.accounts import tidying
from townhall.accounts.devices import in_words
from townhall.current import current_town
from townhall.records.instants import to_microseconds

#: How long a computer that somebody trusts is not asked for a code again.
TRUST_LASTS = timedelta(hours=12)


def user_by_id(id: int) -> Any:
    """The account as Flask-Security sees it."""
    return current_app.extensions["security"].datastore.find_user(id=id)


def actor_of(user: Any) -> Actor:
    """Somebody who is about to be in, for the log; they may do nothing yet."""
    return Actor("staff", user.name or user.email, user.id, door="admin")


def enter(user: Any, *, how: str = "password") -> None:
    """Sign somebody in who has shown all that is asked of them. The session gets a new id, always."""
    town = current_town()
    begin_session(user)
    lockout.clear(town, user.email)
    people.note_sign_in(town, user.id)
    event = "recovery_code_used" if how == "recovery code" else "signed_in"
    device = in_words(request.user_agent.string)
    log.write(town, actor_of(user), event, user.id, detail=device, address=request.remote_addr or "")
    tidying.run(town)


def begin_session(user: Any) -> None:
    """Begin a session for somebody, and forget all that this browser's cookie held before."""
    user.session_token = sessions.start(
        current_town(), user.id, agent=request.user_agent.string, address=request.remote_addr or ""
    )
    session.clear()
    session.permanent = True
    login_user(user, authn_via=["password"])
    g.pop("actor", None)


def is_trusted(user: Any) -> bool:
    """Whether somebody said on this computer, hours ago at most, that it needs no code from them."""
    town = current_town()
    try:
        kept = _signer().loads(request.cookies.get(_cookie(), ""))
    except BadSignature:
        return False
    age = to_microseconds(town.clock.now()) - kept.get("at", 0)
    fresh = 0 <= age < TRUST_LASTS // timedelta(microseconds=1)
    return bool(fresh and kept.get("mark") == second_factor.mark(town, user.id, user.fs_uniquifier))


def trust(response: Response, user: Any) -> None:
    """Remember in this browser that it needs no code for a while."""
    town = current_town()
    mark = second_factor.mark(town, user.id, user.fs_uniquifier)
    response.set_cookie(
        _cookie(),
        _signer().dumps({"at": to_microseconds(town.clock.now()), "mark": mark}),
        max_age=TRUST_LASTS,
        path="/admin/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_town().secret, salt="trusted computer")


def _cookie() -> str:
    """Its name; over HTTPS one that browsers let nobody set without it."""
    name = f"{current_app.config['SESSION_COOKIE_NAME']}_trusted"
    return f"__Secure-{name}" if request.is_secure else name
