"""The pages to sign in and out: the first step, with e-mail and password.

Whoever guesses has to wait longer and longer, for each account and for each network address, and is told the same
whether there is such an account or not; an answer takes as long either way.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint
from flask import Response
from flask import current_app
from flask import flash
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from flask_security import current_user
from flask_security import logout_user
from werkzeug.wrappers import Response as AnyResponse

from townhall.accounts import current_actor
from townhall.accounts import delivering
from townhall.accounts import entering
from townhall.accounts import lockout
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts import second_factor
from townhall.accounts import second_step
from townhall.accounts import seeing_as
from townhall.accounts import sessions
from townhall.accounts.guarding import START
from townhall.accounts.guarding import address_waits
from townhall.accounts.guarding import note_failure
from townhall.accounts.guarding import too_often
from townhall.current import current_town
from townhall.db import meta
from townhall.errors import NotFound
from townhall.own_paths import own_path

#: Key of the fact that the page shows as a hint; only a demo town has one.
SIGN_IN_HINT = "sign_in_hint"

_WRONG = "That e-mail and password don’t belong together. Check both and try again."


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    blueprint.add_url_rule("/sign-in", "sign_in", sign_in, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])


def sign_in() -> AnyResponse:
    """Show the page, or take an e-mail and a password."""
    if current_actor().kind == "staff":
        return redirect(_target())
    if request.method != "POST":
        return _page()
    town = current_town()
    email = request.form.get("email", "").strip().lower()[:254]
    password = request.form.get("password", "")[: passwords.MAX_LENGTH]
    if not email or not password:
        return _page("Type your e-mail and your password.", email, 422)
    if waiting := address_waits():
        return _page(waiting, email, 429)
    attempt = lockout.begin(town, email)
    if not attempt.allowed:
        return _page(too_often(lockout.wait_words(town, attempt.until)), email, 429)
    user = current_app.extensions["security"].datastore.find_user(case_insensitive=True, email=email)
    if not _fits(user, password):
        note_failure(attempt, "password_failed", user.id if user else None)
        return _page(_WRONG, email, 422)
    factor = second_factor.of(town, user.id)
    person = people.by_id(town, user.id)
    if factor is None and not second_factor.is_required(town, person):
        entering.enter(user)
        return redirect(_target())
    if factor is not None and entering.is_trusted(user):
        entering.enter(user)
        return redirect(_target())
    lockout.give_back(town, attempt)
    second_step.expect(user, _target())
    return redirect(url_for("accounts.second_step" if factor else "accounts.set_up_second_factor"))


def sign_out() -> AnyResponse:
    """Sign out, and forget everything about this visit."""
    if current_actor().kind == "staff":
        town, own = current_town(), entering.actor_of(current_user)  # and nobody through whose eyes they look
        seeing_as.end(town, own)
        with suppress(NotFound):  # somebody ended it a moment ago
            sessions.end(town, own, current_user.id, current_user.session_id, what="signed_out")
    logout_user()
    session.clear()
    flash("You are signed out.", "ok")
    return redirect(url_for("accounts.sign_in"))


def _fits(user: Any, password: str) -> bool:
    """Whether the password is right and they may sign in; takes as long whether there is such an account or not."""
    if not passwords.matches(password, user.password if user else None) or not user.active:
        return False
    if passwords.is_outdated(user.password):
        people.renew_digest(current_town(), user.id, password)
    return True


def _target() -> str:
    return own_path(request.values.get("next"), START)


def _page(problem: str = "", email: str = "", code: int = 200) -> Response:
    return make_response(
        render_template(
            "accounts/sign_in.html",
            problem=problem,
            email=email,
            next=own_path(request.values.get("next"), ""),
            hint=meta.get(current_town().system, SIGN_IN_HINT),
            by_mail=delivering.is_possible(current_town()),
        ),
        code,
    )
