"""The pages to sign in and out. Wrong passwords are counted, and after a few of them it is time for a pause."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint
from flask import Response
from flask import current_app
from flask import flash
from flask import g
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from flask_security import login_user
from flask_security import logout_user
from werkzeug.wrappers import Response as AnyResponse

from townhall import limiting
from townhall.accounts import current_actor
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts.links import is_local
from townhall.current import current_town
from townhall.db import meta

#: Wrong passwords that one account, and one address, may have in a window.
PER_ACCOUNT = 8
PER_ADDRESS = 40
WINDOW = timedelta(minutes=15)
START = "/admin/"
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
    if request.method == "GET":
        return _page()
    town = current_town()
    email = request.form.get("email", "").strip().lower()[:254]
    password = request.form.get("password", "")[: passwords.MAX_LENGTH]
    if not email or not password:
        return _page("Type your e-mail and your password.", email, 422)
    address = limiting.visitor(request.remote_addr)
    if (
        limiting.hits(town, "sign-in", email, per=WINDOW) >= PER_ACCOUNT
        or limiting.hits(town, "sign-in-address", address, per=WINDOW) >= PER_ADDRESS
    ):
        minutes = limiting.minutes_left(town, WINDOW)
        wait = "a minute" if minutes == 1 else f"{minutes} minutes"
        return _page(f"That was wrong too often. Wait {wait} and try again, or ask an administrator.", email, 429)
    user = _checked(email, password)
    if user is None:
        limiting.count(town, "sign-in", email, per=WINDOW)
        limiting.count(town, "sign-in-address", address, per=WINDOW)
        return _page(_WRONG, email, 422)
    limiting.forget(town, "sign-in", email)
    session.clear()
    session.permanent = True
    login_user(user, authn_via=["password"])
    people.note_sign_in(town, user.id)
    g.pop("actor", None)
    return redirect(_target())


def sign_out() -> AnyResponse:
    """Sign out, and forget everything about this visit."""
    logout_user()
    session.clear()
    flash("You are signed out.", "ok")
    return redirect(url_for("accounts.sign_in"))


def _checked(email: str, password: str) -> Any:
    """The user if the password is right and they may sign in; takes as long either way."""
    datastore = current_app.extensions["security"].datastore
    user = datastore.find_user(case_insensitive=True, email=email)
    if user is None or not user.password:
        passwords.digest(password)
        return None
    if not user.verify_and_update_password(passwords.normalise(password)):
        return None
    return user if user.active else None


def _target() -> str:
    target = request.values.get("next", "")
    return target if is_local(target) else START


def _page(problem: str = "", email: str = "", code: int = 200) -> Response:
    target = request.values.get("next", "")
    return make_response(
        render_template(
            "accounts/sign_in.html",
            problem=problem,
            email=email,
            next=target if is_local(target) else "",
            hint=meta.get(current_town().system, SIGN_IN_HINT),
        ),
        code,
    )
