"""One's own account: the name that others see, and the password."""

from __future__ import annotations

from flask import Blueprint
from flask import flash
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from flask_security import current_user
from werkzeug.wrappers import Response

from townhall.accounts import entering
from townhall.accounts import log
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts import require_staff
from townhall.accounts import second_factor
from townhall.accounts import sessions
from townhall.accounts.own_security import wrong_password
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
    """Take a new password from somebody who knows the old one; other computers, and calendar programs, are out."""
    actor = require_staff()
    user_id = current_user.id
    new = request.form.get("new_password", "")
    errors: dict[str, str] = {}
    if problem := wrong_password(request.form.get("password", "")):
        errors |= {"password": problem}
    elif new != request.form.get("new_password_again", ""):
        errors |= {"new_password_again": "The two new passwords differ. Type the same one twice."}
    else:
        try:
            people.set_password(current_town(), actor, user_id, new)
        except ValidationFailed as error:
            errors["new_password"] = error.errors["password"]
    if errors:
        return _page(errors), 422
    entering.begin_session(entering.user_by_id(user_id))
    said = "Your password is changed. Other computers are signed out, and calendar addresses made before work no more."
    flash(said, "ok")
    return redirect(url_for("accounts.account"))


def _page(errors: dict[str, str]) -> str:
    town, id = current_town(), current_user.id
    person = people.by_id(town, id)
    return render_template(
        "accounts/account.html",
        person=person,
        errors=errors,
        shortest=passwords.MIN_LENGTH,
        typed=request.form,
        sessions=sessions.of(town, id, current_user.session_id),
        factor=second_factor.of(town, id),
        required=second_factor.is_required(town, person),
        events=log.read(town, id, limit=10),
    )
