"""Signing in for one's own requests: asking for a link, following it, and signing out.

Programs that look through mail open every link, so opening one signs nobody in: it leads to a page with a button. The
token is in the address of that first step only, and then in the cookie until the button is pressed.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask import current_app
from flask import flash
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from werkzeug.wrappers import Response

from townhall.access.actors import ANONYMOUS
from townhall.citizens import links
from townhall.current import current_town
from townhall.db import meta
from townhall.portal import visitor
from townhall_forms.errors import Invalid


def ask(problem: str = "", address: str = "", code: int = 200) -> Response:
    """The form that asks for the address, with what is wrong with it."""
    town = current_town()
    page = render_template(
        "portal/ask_link.html",
        problem=problem,
        address=address,
        possible=links.sends_mail(town),
        resident=meta.get(town.system, links.DEMO_RESIDENT, "") if links.is_demo(town) else "",
    )
    return make_response(page, code)


def send_link() -> Response:
    """Note that a link was asked for. The answer, and all that is done for it, is the same for every address."""
    town = current_town()
    if request.method != "POST" or not links.sends_mail(town):
        return ask()
    text = request.form.get("address", "")[:320]
    if request.form.get("website_address"):
        return ask("Please leave the last, hidden field empty. Then send it again", text, 422)
    field = town.schemas["core.contact"].fields["emails"].row_fields["address"]
    try:
        address = field.parse(text, town.context(ANONYMOUS))
    except Invalid as error:
        return ask(error.message, text, 422)
    if not address:
        return ask("Enter your e-mail address, like name@example.com.", text, 422)
    if not visitor.within_limit(town, "link"):
        return make_response(render_template("portal/busy.html", what="Too many links were asked for"), 429)
    # Who asks too often for one address is told nothing else: it may be somebody else who waits for it.
    if visitor.within_address_limit(town, address):
        links.ask(town, address)
    return redirect(url_for("portal.link_sent"), 303)


def link_sent() -> Response:
    """What happens now, in the same words for everybody."""
    town = current_town()
    page = render_template(
        "portal/link_sent.html",
        minutes=town.settings.citizen_link_minutes,
        hint=current_app.config["TOWNHALL_SIGN_IN_HINT"],
    )
    return make_response(page)


def follow(token: str) -> Response:
    """The link of a mail: take the token out of the address, and go on. It is not used up."""
    session["entering"] = token[:100]
    return redirect(url_for("portal.enter"), 303)


def enter() -> Response:
    """One button that uses the link up, or the sentence that it works no more."""
    town = current_town()
    token = str(session.get("entering", ""))
    if not visitor.within_limit(town, "enter", visitor.TRIES_PER_FORM * 5):
        return make_response(render_template("portal/busy.html", what="Too many links were tried"), 429)
    if request.method != "POST":
        return make_response(render_template("portal/enter.html", works=links.works(town, token)))
    begun = links.enter(town, token)
    session.pop("entering", None)
    if begun is None:
        return make_response(render_template("portal/enter.html", works=False), 410)
    visitor.sign_in(town, begun)
    return redirect(url_for("portal.requests"), 303)


def leave() -> Response:
    """Sign out, and close everything that this browser has open."""
    visitor.sign_out(current_town())
    flash("You are signed out. Nothing is open in this browser any more.", "ok")
    return redirect(url_for("portal.requests"), 303)


def routes(blueprint: Blueprint) -> None:
    """Give the pages their addresses."""
    posting: Any = {"methods": ["POST"]}
    both: Any = {"methods": ["GET", "POST"]}
    blueprint.add_url_rule("/requests/link", "send_link", send_link, **both)
    blueprint.add_url_rule("/requests/link/sent", "link_sent", link_sent)
    blueprint.add_url_rule("/requests/enter/<token>", "follow", follow)
    blueprint.add_url_rule("/requests/enter", "enter", enter, **both)
    blueprint.add_url_rule("/requests/leave", "leave", leave, **posting)
