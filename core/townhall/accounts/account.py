"""One's own account: the name that others see, and the password."""

from __future__ import annotations

from flask import Blueprint
from flask import current_app
from flask import flash
from flask import g
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from flask_security import current_user
from flask_security import login_user
from werkzeug.wrappers import Response

from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts import require_staff
from townhall.current import current_town
from townhall.errors import ValidationFailed


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    blueprint.add_url_rule("/account", "account", account)
    blueprint.add_url_rule("/account/name", "change_name", change_name, methods=["POST"])
    blueprint.add_url_rule("/account/password", "change_password", change_password, methods=["POST"])


def account() -> str:
    """The page."""
    require_staff()
    return _page({})


def change_name() -> str | tuple[str, int] | Response:
    """Take a new name."""
    actor = require_staff()
    try:
        people.set_name(current_town(), actor, current_user.id, request.form.get("name", ""))
    except ValidationFailed as error:
        return _page(error.errors), 422
    flash("Your name is changed.", "ok")
    return redirect(url_for("accounts.account"))


def change_password() -> str | tuple[str, int] | Response:
    """Take a new password from somebody who knows the old one; other computers are signed out."""
    actor = require_staff()
    user_id = current_user.id
    new = request.form.get("new_password", "")
    errors: dict[str, str] = {}
    if not current_user.verify_and_update_password(passwords.normalise(request.form.get("password", ""))):
        errors |= {"password": "That is not your present password. Type it as you do when you sign in."}
    elif new != request.form.get("new_password_again", ""):
        errors |= {"new_password_again": "The two new passwords differ. Type the same one twice."}
    else:
        try:
            people.set_password(current_town(), actor, user_id, new)
        except ValidationFailed as error:
            errors["new_password"] = error.errors["password"]
    if errors:
        return _page(errors), 422
    user = current_app.extensions["security"].datastore.find_user(id=user_id)
    session.clear()
    session.permanent = True
    login_user(user, authn_via=["password"])
    g.pop("actor", None)
    flash("Your password is changed. Other computers are signed out.", "ok")
    return redirect(url_for("accounts.account"))


def _page(errors: dict[str, str]) -> str:
    person = people.by_id(current_town(), current_user.id)
    return render_template(
        "accounts/account.html", person=person, errors=errors, shortest=passwords.MIN_LENGTH, typed=request.form
    )
