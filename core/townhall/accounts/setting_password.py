"""The pages for a forgotten password, and behind the link with which somebody chooses a new or a first one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flask import Blueprint
from flask import Response
from flask import flash
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from werkzeug.wrappers import Response as AnyResponse

from townhall import limiting
from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.accounts import account_links
from townhall.accounts import delivering
from townhall.accounts import own_password
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.current import current_town
from townhall.errors import NotFound
from townhall.errors import ValidationFailed

#: Links that one e-mail address, and one network address, may ask for in an hour.
PER_ACCOUNT = 3
PER_ADDRESS = 20
WINDOW = timedelta(hours=1)


#: What is said once a password is set, by what the link was for.
_SET: Mapping[account_links.Purpose, str] = {
    "invitation": "Your password is set. Sign in with it.",
    "reset": "Your password is set. Sign in with it. Calendar addresses made before work no more.",
}


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    blueprint.add_url_rule("/forgotten", "forgotten", forgotten, methods=["GET", "POST"])
    blueprint.add_url_rule("/password/<token>", "choose_password", choose_password, methods=["GET", "POST"])


def forgotten() -> AnyResponse:
    """Ask for a link by mail. The answer is the same whether there is such an account or not."""
    town = current_town()
    possible = delivering.is_possible(town)
    if request.method != "POST" or not possible:
        return make_response(render_template("accounts/forgotten.html", possible=possible, sent=False, problem=""))
    email = request.form.get("email", "").strip().lower()[:254]
    if not email:
        said = "Type your e-mail."
        return make_response(render_template("accounts/forgotten.html", possible=True, sent=False, problem=said), 422)
    address = limiting.visitor(request.remote_addr)
    here = limiting.allow(town, "forgotten-address", address, limit=PER_ADDRESS, per=WINDOW)
    if limiting.allow(town, "forgotten", email, limit=PER_ACCOUNT, per=WINDOW) and here:
        visitor = Actor(ANONYMOUS.kind, "Somebody", door="admin")
        own_password.ask_reset(town, visitor, email, address_of_visitor=request.remote_addr or "")
    return make_response(render_template("accounts/forgotten.html", possible=True, sent=True, problem=""))


def choose_password(token: str) -> AnyResponse:
    """Choose a password behind a link. Looking at the page doesn't use the link up; mail scanners do that."""
    town = current_town()
    link = account_links.find(town, token)
    if link is None:
        return _private(make_response(render_template("accounts/link_gone.html", words=own_password.GONE), 404))
    errors: dict[str, str] = {}
    if request.method == "POST":
        new = request.form.get("new_password", "")
        if new != request.form.get("new_password_again", ""):
            errors = {"new_password_again": "The two passwords differ. Type the same one twice."}
        else:
            try:
                own_password.choose(town, token, new)
            except ValidationFailed as error:
                errors = {"new_password": error.errors["password"]}
            except NotFound as gone:
                page = render_template("accounts/link_gone.html", words=str(gone))
                return _private(make_response(page, 404))
            else:
                session.clear()
                flash(_SET[link.purpose], "ok")
                return redirect(url_for("accounts.sign_in"))
    html = render_template(
        "accounts/choose_password.html",
        person=people.by_id(town, link.user_id),
        invited=link.purpose == "invitation",
        errors=errors,
        shortest=passwords.MIN_LENGTH,
    )
    return _private(make_response(html, 422 if errors else 200))


def _private(response: Response) -> Response:
    """The address of the page is a secret, so no other page is told it."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
