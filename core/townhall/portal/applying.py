"""The pages of public forms: one step after the other, saved for later, reviewed, sent once, acknowledged.

Everything works without JavaScript: what was answered is kept on the server under a secret key that only the
visitor's session (and the link of a saved form) holds, and each page is an ordinary form.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from flask import Blueprint
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import citizen
from townhall.current import current_town
from townhall.errors import NotFound
from townhall.portal import drafts
from townhall.portal import services
from townhall.portal import visitor
from townhall.portal.drafts import Draft
from townhall.portal.filling import REVIEW
from townhall.portal.filling import Filling
from townhall.portal.filling import chosen_links
from townhall.portal.form_pages import gone
from townhall.portal.form_pages import review_page
from townhall.portal.form_pages import step_page
from townhall.portal.form_pages import summary
from townhall.portal.paper import paper
from townhall.portal.sending import send
from townhall.records import link_codes
from townhall.records import owning
from townhall_forms.schema import Form
from townhall_forms.schema import RecordType
from townhall_forms.schema import Step

if TYPE_CHECKING:
    from townhall.access.actors import Actor
    from townhall.records.types import Record
    from townhall.town import Town

TRAPPED = "Please leave the last, hidden field empty. Then send it again; your answers are still here"
BUSY = (
    "Too many forms came from your connection within an hour. Your answers are kept: "
    "save them and come back, or send them in an hour"
)


def start(plugin: str, name: str, form: str) -> Response:
    """The first page of a form. Nothing is kept before the first answer."""
    town = current_town()
    filling = _fresh(town, plugin, name, form)
    if isinstance(filling, Response):
        return filling
    if not filling.steps:
        return _begin(filling, REVIEW)
    step = filling.steps[0]
    if request.method != "POST":
        return step_page(filling, step, filling.open(step))
    if not visitor.within_limit(town, "begin", visitor.TRIES_PER_FORM):
        return make_response(render_template("portal/busy.html", what="Too many forms were begun"), 429)
    _begin(filling, step.name)
    return _answer(filling, step)


def step(name: str, step: str) -> Response:
    """One page of a form, or its review."""
    filling = _resumed(current_town(), name)
    if isinstance(filling, Response):
        return filling
    if step == REVIEW:
        return _review(filling)
    page = filling.step(step)
    if page is None:
        return redirect(filling.url(filling.first_open()), 303)
    if request.method != "POST":
        return step_page(filling, page, filling.open(page))
    return _answer(filling, page)


def saved(name: str) -> Response:
    """The secret link of a saved form, and until when it holds."""
    filling = _resumed(current_town(), name)
    if isinstance(filling, Response):
        return filling
    if not filling.saved_until:
        return redirect(filling.url(filling.first_open()), 303)
    link = url_for("portal.resume", key=visitor.draft_key(name), _external=True)
    page = render_template(
        "portal/saved.html", private=True, filling=filling, link=link, on=filling.url(filling.first_open())
    )
    return make_response(page)


def resume(key: str) -> Response:
    """The secret link of a saved form: take the key out of the address, and go on where it was left."""
    town = current_town()
    found = drafts.load(town, key) if visitor.within_limit(town, "open", visitor.TRIES_PER_FORM * 5) else None
    if found is None or found.record:
        return gone()
    name = secrets.token_urlsafe(6)
    visitor.remember_draft(name, key)
    filling = _resumed(town, name)
    return filling if isinstance(filling, Response) else redirect(filling.url(filling.first_open()), 303)


def receipt(name: str) -> Response:
    """What came of a sent form: its number, and the link to its status. Shown again as often as it is asked for."""
    town = current_town()
    key = visitor.draft_key(name)
    draft = drafts.load(town, key)
    found = _declared(town, draft) if draft is not None and draft.sent else None
    if draft is None or found is None:
        return gone()
    record_type, form = found
    number, token = draft.receipt.get("number", ""), draft.receipt.get("token", "")
    if token:
        visitor.remember_request(number, token)
    page = render_template(
        "portal/receipt.html",
        private=True,
        label=draft.receipt.get("label") or form.label,
        receipt=form.receipt,
        promise=draft.receipt.get("promise", ""),
        number=number,
        link=url_for("portal.exchange", number=number, token=token, _external=True) if token else "",
        code=link_codes.readable(token) if token else "",
        offered=services.offered_after(town, record_type, form, json.loads(draft.receipt.get("links", "{}"))),
    )
    return make_response(page)


def print_form(plugin: str, name: str, form: str) -> Response:
    """The form to print and fill in by hand."""
    filling = _fresh(current_town(), plugin, name, form)
    if isinstance(filling, Response):
        return filling
    page = render_template("portal/paper.html", filling=filling, form=filling.form, chapters=paper(filling))
    return make_response(page)


def begin_edit(town: Town, actor: Actor, record: Record, form: Form) -> Response:
    """Open what was sent as a form again."""
    draft = Draft(record.identity, form.name, record=record.id, version=record.version)
    draft.done = [step.name for step in form.steps]
    return _begin(Filling(town, owning.as_asked(record.type, form), form, draft, actor=actor), REVIEW)


# -- pages ----------------------------------------------------------------------------------------------------


def _answer(filling: Filling, step: Step) -> Response:
    """What happens with a page that was sent: add a row, save it, refuse it, or go on to the next."""
    form = filling.open(step, request.form, request.files)
    if form.redraw:
        return step_page(filling, step, form)
    good = filling.check(step, form)
    trapped = bool(request.form.get("website_address"))
    if good and not trapped:
        filling.accept(step, form)
    else:
        filling.keep_typed(step, form, request.form)
    if "_save" in request.form:
        return _save(filling)
    drafts.keep(filling.town, visitor.draft_key(filling.name), filling.draft)
    if trapped:
        return step_page(filling, step, form, [("", TRAPPED)], 422)
    if not good:
        return step_page(filling, step, form, summary(form), 422)
    return redirect(filling.url(filling.first_open()), 303)


def _save(filling: Filling) -> Response:
    filling.draft.saved = filling.can_wait
    drafts.keep(filling.town, visitor.draft_key(filling.name), filling.draft)
    return redirect(url_for("portal.saved", name=filling.name), 303)


def _review(filling: Filling) -> Response:
    if request.method == "POST" and "_save" in request.form:
        return _save(filling)
    if filling.first_open() != REVIEW:
        return redirect(filling.url(filling.first_open()), 303)
    if request.method != "POST":
        return review_page(filling)
    if request.form.get("website_address"):
        return review_page(filling, [("", TRAPPED)], 422)
    if not filling.editing and not visitor.within_limit(filling.town, "send"):
        return review_page(filling, [("", BUSY)], 429)
    return send(filling)


# -- helpers --------------------------------------------------------------------------------------------------


def _fresh(town: Town, plugin: str, name: str, form: str) -> Filling | Response:
    """A form at its beginning; or the page that says why it can't begin."""
    found = services.form_of(town.schemas, plugin, name, form)
    if found is None:
        raise NotFound("There is no form at this address.")
    record_type, declared = found
    if town.plugins.read_only(record_type.identity):
        return _closed(declared.label)
    chosen, offered_links = chosen_links(town, record_type, declared, request.args)
    known = visitor.as_sender(town) if declared.contact != "none" else {}
    draft = Draft(record_type.identity, declared.name, chosen=chosen, values=offered_links, contact=known)
    filling = Filling(town, record_type, declared, draft)
    if declared.per and declared.per not in chosen:
        offered = [one for one in services.services(town) if one.url.startswith(filling.start_url + "?")]
        return make_response(render_template("portal/choose.html", form=declared, headings=services.headings(offered)))
    if not services.is_open(town, declared, filling.chosen):
        return _closed(filling.label, declared.closed_message)
    return filling


def _closed(label: str, message: str = "") -> Response:
    """The page of a form that can't be sent at the moment."""
    return make_response(render_template("portal/closed.html", label=label, message=message))


def _begin(filling: Filling, step: str) -> Response:
    """Keep a new draft in this browser, and go to one of its pages."""
    filling.name = secrets.token_urlsafe(6)
    visitor.remember_draft(filling.name, drafts.start(filling.town, filling.draft))
    return redirect(filling.url(step), 303)


def _resumed(town: Town, name: str) -> Filling | Response:
    """The form that this browser fills in under ``name``; or the page that says where it went."""
    draft = drafts.load(town, visitor.draft_key(name))
    if draft is not None and draft.sent:
        return redirect(url_for("portal.receipt", name=name), 303)
    found = _declared(town, draft) if draft is not None else None
    if draft is None or found is None:
        return gone()
    actor = _sender(town, draft) if draft.record else ANONYMOUS
    if actor is None:
        return gone()
    filling = Filling(town, *found, draft, name, actor)
    try:
        is_open = filling.editing or services.is_open(town, filling.form, filling.known_links())
    except NotFound:
        return gone()
    if is_open:
        return filling
    return _closed(filling.label, filling.form.closed_message)


def _sender(town: Town, draft: Draft) -> Actor | None:
    """Whoever sent what a draft changes, as long as this browser has it open: by its link, or as one's own."""
    sent = (draft.identity, draft.record)
    return citizen(frozenset({sent})) if sent in visitor.visiting(town).grants else None


def _declared(town: Town, draft: Draft) -> tuple[RecordType, Form] | None:
    """The type and the form of a draft; of a form ``by_owner`` only for what is there already."""
    plugin, _, name = draft.identity.partition(".")
    found = services.form_of(town.schemas, plugin, name, draft.form)
    record_type = town.schemas.get(draft.identity)
    if found is not None or record_type is None or not draft.record or draft.form not in record_type.forms:
        return found
    form = record_type.forms[draft.form]
    return owning.as_asked(record_type, form), form


def too_large(error: RequestEntityTooLarge) -> Response:
    """A page for uploads that are larger than the server takes, with a way back to what was answered before."""
    settings = current_town().settings
    page = render_template("portal/too_large.html", most=settings.max_upload_mb, back=request.full_path.rstrip("?"))
    return make_response(page, 413)


def routes(blueprint: Blueprint) -> None:
    """Give the pages their addresses."""
    both = ["GET", "POST"]
    blueprint.add_url_rule("/apply/<plugin>/<name>/<form>", "start", start, methods=both)
    blueprint.add_url_rule("/apply/<plugin>/<name>/<form>/print", "paper", print_form)
    blueprint.add_url_rule("/form/<name>/saved", "saved", saved)
    blueprint.add_url_rule("/form/<name>/receipt", "receipt", receipt)
    blueprint.add_url_rule("/form/<name>/page/<step>", "step", step, methods=both)
    blueprint.add_url_rule("/continue/<key>", "resume", resume)
    blueprint.register_error_handler(RequestEntityTooLarge, too_large)
