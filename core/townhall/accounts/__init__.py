"""Accounts: signing in and out, one's own account, and the people who work here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint
from flask import Flask
from flask import abort
from flask import g
from flask import redirect
from flask import request
from flask import url_for
from flask_security import Security
from flask_security import current_user

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.accounts.people import permissions_of
from townhall.current import current_town

if TYPE_CHECKING:
    from townhall.town import Town

__all__ = ["current_actor", "install", "require_staff"]


def install(app: Flask, town: Town) -> None:
    """Put accounts on an application: who is signed in, and the pages to change that."""
    from townhall.accounts import account
    from townhall.accounts import log_page
    from townhall.accounts import own_security
    from townhall.accounts import people_page
    from townhall.accounts import person_security
    from townhall.accounts import roles_page
    from townhall.accounts import second_step
    from townhall.accounts import seeing_as
    from townhall.accounts import setting_password
    from townhall.accounts import signing_in
    from townhall.accounts.models import build_datastore

    app.config.update(
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106  # the name of a method
        SECURITY_PASSWORD_SINGLE_HASH={"argon2"},
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SALT="argon2 salts by itself",  # noqa: S106  # asked for, and not used with a single hash
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
        SECURITY_FRESHNESS_GRACE_PERIOD=0,
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
    )
    guard = Security(app, build_datastore(town), register_blueprint=False)
    # Flask-Principal would work out for each request what somebody's roles provide; only permissions are asked here.
    guard.principal.identity_loaders.clear()
    # A session is the only way to be somebody here: no token in a header, no cookie that signs in by itself.
    app.login_manager._request_callback = None  # type: ignore[attr-defined]
    blueprint = Blueprint("accounts", __name__, url_prefix="/admin")
    parts = (signing_in, second_step, setting_password, account, own_security, people_page, person_security)
    for module in (*parts, log_page, roles_page, seeing_as):
        module.routes(blueprint)
    app.register_blueprint(blueprint)
    app.jinja_env.globals["current_actor"] = current_actor
    app.before_request(seeing_as.refuse_changes)


def current_actor() -> Actor:
    """Who makes this request: the person who is signed in, or nobody in particular."""
    actor: Actor | None = g.get("actor")
    if actor is None:
        actor = g.actor = _actor()
    return actor


def require_staff() -> Actor:
    """Who is signed in; somebody who isn't is sent to sign in, and back here afterwards."""
    actor = current_actor()
    if actor.kind != "staff":
        target = request.full_path.rstrip("?") if request.method != "POST" else ""
        abort(redirect(url_for("accounts.sign_in", next=target or None)))
    return actor


def _actor() -> Actor:
    from townhall.accounts import seeing_as

    person = current_user._get_current_object()
    if not person or not person.is_authenticated:
        return ANONYMOUS
    permissions = permissions_of(role.permissions for role in person.roles)
    actor = Actor("staff", person.name or person.email, person.id, permissions, door="admin")
    return seeing_as.through(current_town(), actor)
