"""Somebody's own details: how they are reached and what they prefer, changed by themselves, through their record.

What may be changed the schema of contacts says in its form ``by_owner``. E-mail addresses go their own way, since
whoever reads one can sign in: a new one counts once its own mailbox has confirmed it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint
from flask import flash
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from werkzeug.wrappers import Response

from townhall import meanwhile
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.citizens import addresses
from townhall.citizens import links
from townhall.current import current_town
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.portal import visitor
from townhall.portal.form_pages import summary
from townhall.records import owning
from townhall.records.people import CONTACT
from townhall.records.types import Record
from townhall_forms.forms import RecordForm
from townhall_forms.forms import build_form
from townhall_forms.schema import Form

CHANGED_MEANWHILE = (
    "We changed something here while you were writing. What you wrote is still here: look through it and save it again"
)
TOO_MANY = "Too many changes came from your connection within an hour. Please wait an hour, then try again"


def details() -> Response:
    """The form of the contact's own, and their e-mail addresses."""
    town = current_town()
    contact = visitor.signed_in(town)
    if contact is None:
        return _to_sign_in()
    form = own_form()
    if form is None or request.method != "POST":
        return _page(contact, form)
    actor = citizen(frozenset({(CONTACT, contact.id)}))
    inputs = _inputs(contact, form, posted=True)
    if inputs.redraw:
        return _page(contact, form, inputs)
    if not inputs.validate():
        return _page(contact, form, inputs, code=422)
    if not visitor.within_limit(town, "details", visitor.TRIES_PER_FORM):
        return _page(contact, form, inputs, [("", TOO_MANY)], 429)
    try:
        town.records.update(actor, CONTACT, contact.id, inputs.values, version=_version())
    except ValidationFailed as error:
        inputs.add_errors(error.errors)
        return _page(contact, form, inputs, code=422)
    except Conflict:
        before = meanwhile.opened_with(town, system("portal"), contact, _version())
        meanwhile.take_over(inputs, before, town.records.get(actor, CONTACT, contact.id))
        return _page(contact, form, inputs, [("", CHANGED_MEANWHILE)], 409)
    except (Rejected, Forbidden) as error:
        return _page(contact, form, inputs, [("", str(error))], 422)
    flash("Your details are saved.", "ok")
    return redirect(url_for("portal.details"), 303)


def address() -> Response:
    """Add an e-mail address, take one away, or put one first."""
    town = current_town()
    contact = visitor.signed_in(town)
    if contact is None:
        return _to_sign_in()
    text, deed = request.form.get("address", "").strip()[:320], request.form.get("deed", "")
    deeds: dict[str, Callable[[], str]] = {
        "add": lambda: _added(contact, text),
        "first": lambda: _put_first(contact, text),
        "take_away": lambda: _taken_away(contact, text),
    }
    try:
        if not visitor.within_limit(town, "address"):
            raise Rejected(f"{TOO_MANY}.")
        said = deeds[deed]() if deed in deeds else ""
    except (Rejected, Conflict, ValidationFailed) as error:
        typed = text if deed == "add" else ""
        sentence = "We changed something here meanwhile. Look again." if isinstance(error, Conflict) else str(error)
        return _page(contact, own_form(), problem=sentence, typed=typed, code=422)
    if said:
        flash(said, "ok")
    return redirect(url_for("portal.details") + "#emails", 303)


def follow(token: str) -> Response:
    """The link that confirms an address: take the token out of the address, and go on. It is not used up."""
    session["confirming"] = token[:100]
    return redirect(url_for("portal.confirm"), 303)


def confirm() -> Response:
    """One button that confirms an address; whoever has its mailbox need not be signed in here."""
    town = current_town()
    if request.method != "POST":
        failed = not addresses.works(town, str(session.get("confirming", "")))
        return make_response(render_template("portal/confirm.html", done="", failed=failed))
    if not visitor.within_limit(town, "enter", visitor.TRIES_PER_FORM * 5):
        return make_response(render_template("portal/busy.html", what="Too many links were tried"), 429)
    try:
        done = addresses.confirm(town, str(session.pop("confirming", "")))
    except (ValidationFailed, Rejected):
        done = None  # there are too many by now, say; the link isn't used up
    page = render_template("portal/confirm.html", done=done or "", failed=done is None)
    return make_response(page, 200 if done else 410)


def own_form() -> Form | None:
    """The form in which contacts change their own record."""
    forms = current_town().schemas[CONTACT].forms.values()
    return next((form for form in forms if form.by_owner), None)


def _page(
    contact: Record,
    form: Form | None,
    inputs: RecordForm | None = None,
    problems: list[tuple[str, str]] | None = None,
    code: int = 200,
    *,
    problem: str = "",
    typed: str = "",
) -> Response:
    inputs = inputs or (_inputs(contact, form) if form is not None else None)
    page = render_template(
        "portal/details.html",
        contact=contact,
        form=form,
        inputs=inputs,
        problems=[*(problems or []), *(summary(inputs) if inputs is not None else [])],
        # After a conflict the next try is made against what stands there now.
        version=contact.version if code == 409 or request.method != "POST" else _version(),
        emails=contact["emails"] or (),
        sends_mail=links.sends_mail(current_town()),
        problem=problem,
        typed=typed,
    )
    return make_response(page, code)


def _inputs(contact: Record, form: Form, *, posted: bool = False) -> RecordForm:
    town = current_town()
    actor = citizen(frozenset({(CONTACT, contact.id)}))
    return build_form(
        owning.as_asked(contact.type, form),
        form.fields,
        town.context(actor),
        values=town.records.get(actor, CONTACT, contact.id).values,
        # What isn't theirs to see still decides what they are asked, like whether they are a person.
        stored=contact.values,
        formdata=request.form if posted else None,
        files=request.files if posted else None,
    )


def _added(contact: Record, text: str) -> str:
    town = current_town()
    if not links.sends_mail(town):
        raise Rejected("We send no mail at present, so an address can't be confirmed. Ask us at the town hall.")
    address = addresses.parsed(town, contact, text)
    if not visitor.within_address_limit(town, address):
        raise Rejected("We sent several links to this address within an hour. Look there, or wait an hour.")
    given = addresses.propose(town, contact, address)
    return f"We sent a link to {given}. The address counts once you have opened it there."


def _put_first(contact: Record, text: str) -> str:
    addresses.put_first(current_town(), contact, text, _version())
    return f"We write to {text} first."


def _taken_away(contact: Record, text: str) -> str:
    addresses.take_away(current_town(), contact, text, _version(), here=visitor.session_token())
    return f"{text} is removed. No link that was sent before works any more, nor one that confirms an address."


def _version() -> int:
    text = request.form.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _to_sign_in() -> Response:
    flash("You are not signed in any more. Ask for a new link.", "soon")
    return redirect(url_for("portal.requests"), 303)


def routes(blueprint: Blueprint) -> None:
    """Give the pages their addresses."""
    both: Any = {"methods": ["GET", "POST"]}
    blueprint.add_url_rule("/requests/details", "details", details, **both)
    blueprint.add_url_rule("/requests/details/address", "own_address", address, methods=["POST"])
    blueprint.add_url_rule("/requests/confirm/<token>", "follow_confirming", follow)
    blueprint.add_url_rule("/requests/confirm", "confirm", confirm, **both)
