"""Somebody's own requests: opened with the secret link or its code, read in the public's words, answered, changed.

Whoever is signed in finds all that is theirs here (:mod:`townhall.portal.entering`); others open each request by
itself. A link's token stands in an address only once: opening it puts the token into the visitor's session and goes on
to an address without it, so that it is in no later referrer, and a revoked link closes every page that it had opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from flask import Blueprint
from flask import flash
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from werkzeug.wrappers import Response as BaseResponse

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.cases import standing
from townhall.citizens import addresses
from townhall.citizens import links
from townhall.current import current_town
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.messages.rendering import LINK_IN_WORDS
from townhall.portal import applying
from townhall.portal import details
from townhall.portal import journey
from townhall.portal import listings
from townhall.portal import own_list
from townhall.portal import visitor
from townhall.portal.form_pages import summary
from townhall.portal.headings import editable
from townhall.portal.headings import heading
from townhall.records import link_codes
from townhall_forms.forms import RecordForm
from townhall_forms.forms import build_form
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition

if TYPE_CHECKING:
    from townhall.records.types import Record
    from townhall.records.types import TimelineEntry
    from townhall.town import Town

#: Messages that a status page shows, and letters that one message may have.
MESSAGES = 50
LONGEST_MESSAGE = 5000
#: Messages of a request that are kept in a file at most, and how many are read at once.
MOST_KEPT, LARGEST_PAGE = 2000, 200
#: Answers that fit beside the messages; more of them stand below.
BESIDE = 8


class Move(NamedTuple):
    """A step that the citizen may take; ``help`` only if it was written for them."""

    transition: Transition
    help: str


class Opened(NamedTuple):
    """A request that the visitor may see, and the actor that they are for it."""

    town: Town
    actor: Actor
    record: Record


@dataclass(frozen=True, slots=True)
class Letter:
    """One message between the sender of a request and the town hall."""

    entry: TimelineEntry
    ours: bool

    @property
    def here(self) -> str:
        """Its words on the status page, to which a message by e-mail only leads."""
        return self.entry.body.replace(LINK_IN_WORDS, "(on this page)")


def requests() -> BaseResponse:
    """One's own requests, once signed in; or the ways to get there, and what this browser has open by link or code."""
    town = current_town()
    number = request.form.get("number", "").strip()[:80]
    problem = ""
    if request.method == "POST":
        if not visitor.within_limit(town, "check", visitor.TRIES_PER_FORM):
            return make_response(render_template("portal/busy.html", what="Too many codes were tried"), 429)
        token = link_codes.typed(request.form.get("code", ""))
        if not number and (begun := links.enter(town, token)) is not None:
            visitor.sign_in(town, begun)
            return redirect(url_for("portal.requests"), 303)
        if not number and addresses.works(town, token):
            return details.follow(token)
        found = _by_link(town, number, token)
        if found is not None:
            visitor.remember_request(found.number, token)
            return redirect(url_for("portal.status", number=found.number), 303)
        problem = "There is nothing with this number and code. Look at both again, or call us."
    contact = visitor.signed_in(town)
    start = _start()
    own, more = own_list.lines(town, start) if contact is not None else ([], False)
    page = render_template(
        "portal/requests.html",
        private=True,
        number=number,
        problem=problem,
        contact=contact,
        own=own,
        newer=max(start - own_list.SHOWN, 0) if start else None,
        older=start + own_list.SHOWN if more else None,
        begun=own_list.begun(town),
        known=_known(town),
        possible=links.sends_mail(town),
    )
    return make_response(page, 404 if problem else 200)


def _known(town: Town) -> list[Record]:
    """What this browser has open by link or code, and is not the visitor's own anyway."""
    own = visitor.own_grants(town)
    found = [one.record for one in map(_open_one, visitor.request_numbers()) if one is not None]
    return [record for record in found if (record.identity, record.id) not in own]


def _start() -> int:
    text = request.args.get("from", "")
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def exchange(number: str, token: str) -> BaseResponse:
    """The secret link itself: take the token out of the address, and go on."""
    town = current_town()
    found = _by_link(town, number, token) if visitor.within_limit(town, "open", visitor.TRIES_PER_FORM * 5) else None
    if found is None:
        return _unknown()
    visitor.remember_request(found.number, token)
    return redirect(url_for("portal.status", number=found.number), 303)


def status(number: str) -> BaseResponse:
    """The status of one request, in public labels and public messages only."""
    opened = _open_one(number)
    if opened is None:
        return _unknown()
    return make_response(_status_page(opened))


def thread(number: str) -> BaseResponse:
    """All public messages about one request as a plain text file, to keep."""
    opened = _open_one(number)
    if opened is None:
        return _unknown()
    town, actor, record = opened
    entries: list[TimelineEntry] = []
    after = ""
    while len(entries) < MOST_KEPT:
        found, after, _ = town.records.timeline(
            actor, record.identity, record.id, limit=LARGEST_PAGE, after=after, kinds=("talk", "note")
        )
        entries += [entry for entry in found if entry.public]
        if not after:
            break
    workflow = record.type.workflow
    state = workflow.states.get(record.state) if workflow is not None else None
    text = render_template(
        "portal/thread.txt",
        record=record,
        heading=heading(record),
        state=state.public_label if state is not None else "",
        letters=[Letter(entry, entry.direction != "in") for entry in reversed(entries)],
    )
    response = make_response(text)
    response.mimetype = "text/plain"
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", record.number)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.txt"'
    return response


def message(number: str) -> BaseResponse:
    """A message from the citizen about their request."""
    opened = _open_one(number)
    if opened is None:
        return _unknown()
    town, actor, record = opened
    text = request.form.get("text", "").strip()
    if not text or len(text) > LONGEST_MESSAGE:
        problem = "Write your message first" if not text else f"Please use at most {LONGEST_MESSAGE:,} letters"
        return make_response(_status_page(opened, text=text, problem=problem), 422)
    if not visitor.within_limit(town, "message", visitor.TRIES_PER_FORM):
        return make_response(_status_page(opened, text=text, problem="Please wait an hour, then send it again"), 429)
    try:
        town.records.message(actor, record.identity, record.id, text)
    except (ValidationFailed, Rejected) as error:
        return make_response(_status_page(opened, text=text, problem=str(error)), 422)
    flash("We have your message.", "ok")
    return redirect(url_for("portal.status", number=number) + "#messages", 303)


def _too_late(number: str, text: str, sentence: str) -> BaseResponse:
    """Say that a step can't be taken any more, on the page of the request as it is now; what was written stays."""
    opened = _open_one(number) if text else None
    if opened is not None:
        return make_response(_status_page(opened, text=text, problem=sentence), 409)
    flash(sentence, "soon")
    return redirect(url_for("portal.status", number=number), 303)


def move(number: str, name: str) -> BaseResponse:
    """A step that the citizen may take themselves, like saying that something is not fixed."""
    opened = _open_one(number)
    if opened is None:
        return _unknown()
    town, actor, record = opened
    transition = next((one for one in town.records.transitions(actor, record) if one.name == name), None)
    text = request.form.get("text", "").strip()[:LONGEST_MESSAGE]
    if transition is None:
        return _too_late(number, text, "This is no longer possible. The page shows how it stands now.")
    names = [one for one in (*transition.require, *transition.asks) if one in record.type.fields]
    form = build_form(
        record.type,
        names,
        town.context(actor),
        values=record.values,
        stored=record.values,
        formdata=request.form if request.method == "POST" else None,
        files=request.files if request.method == "POST" else None,
        require=transition.require,
    )
    problems: list[tuple[str, str]] = []
    if (
        request.method == "POST"
        and not form.redraw
        and form.validate(state=transition.target, require=transition.require)
    ):
        try:
            town.records.transition(
                actor, record.identity, record.id, name, form.values, version=record.version, message=text
            )
        except ValidationFailed as error:
            problems = _about_form(form, error.errors)
        except Rejected as error:
            problems = _about_form(form, {error.field: str(error)})
        except (Conflict, Forbidden) as error:
            return _too_late(number, text, str(error))
        else:
            flash("Thank you, we have it.", "ok")
            return redirect(url_for("portal.status", number=number), 303)
    page = render_template(
        "portal/move.html",
        private=True,
        record=record,
        transition=transition,
        form=form,
        text=text,
        problems=problems + summary(form),
    )
    return make_response(page, 422 if problems or form.errors else 200)


def _about_form(form: RecordForm, errors: dict[str, str]) -> list[tuple[str, str]]:
    """Put what records refused beside its inputs; what is about none of them comes back for the summary."""
    shown = {field.name for field in form}
    own = {path: sentence for path, sentence in errors.items() if path.partition(".")[0] in shown}
    form.add_errors(own)
    return [("", sentence) for path, sentence in errors.items() if path not in own]


def edit(number: str) -> BaseResponse:
    """Open what was sent once more, as a form, while its state allows that."""
    opened = _open_one(number)
    if opened is None:
        return _unknown()
    form = editable(opened.record)
    if form is None:
        flash("It can't be changed any more. Write to us below, we put it right.", "soon")
        return redirect(url_for("portal.status", number=number), 303)
    return applying.begin_edit(opened.town, opened.actor, opened.record, form)


def close(number: str) -> BaseResponse:
    """Close a request in this browser, on a computer that others use."""
    visitor.forget_request(number)
    return redirect(url_for("portal.requests"), 303)


def _status_page(opened: Opened, text: str = "", problem: str = "") -> str:
    town, actor, record = opened
    entries, _, _ = town.records.timeline(actor, record.identity, record.id, limit=MESSAGES, kinds=("talk", "note"))
    letters = [
        Letter(entry, entry.direction != "in")
        for entry in reversed(entries)
        if entry.public and entry.kind in ("talk", "note")
    ]
    workflow = record.type.workflow
    state = workflow.states.get(record.state) if workflow is not None else None
    passed = town.records.passed(actor, record.identity, record.id) if workflow is not None else []
    told = _told(record.type)
    facts = listings.facts(town, actor, record, told) + _received(opened)
    moves = town.records.transitions(actor, record) if workflow is not None else []
    return render_template(
        "portal/status.html",
        private=True,
        record=record,
        heading=heading(record),
        state=state,
        stops=journey.step_line(workflow, record.state, passed) if workflow is not None else [],
        letters=letters,
        expectation=standing.expectation(town, record),
        told=facts,
        many=len(facts) > BESIDE,
        published=listings.facts(town, actor, record, [name for name in _published(record.type) if name not in told]),
        moves=[Move(one, "" if "staff" in one.by else one.help) for one in moves],
        panels=[
            panel for panel in town.plugins.public_panels(actor, record) if panel.rows or panel.facts or panel.note
        ],
        can_edit=editable(record) is not None,
        text=text,
        problem=problem,
    )


def _told(record_type: RecordType) -> list[str]:
    """Public fields that the sender filled in or chose, in the order of the type."""
    asked = {name for form in record_type.forms.values() for name in (*form.fields, form.per)}
    return [name for name, field in record_type.fields.items() if name in asked and field.privacy == "public"]


def _received(opened: Opened) -> list[listings.Fact]:
    """How many files the sender gave us in fields that are not for the public: that they came is no secret to them."""
    town, actor, record = opened
    sent = town.records.sent_files(actor, record.identity, record.id)
    return [
        listings.Fact(field.label, f"{sent[name]} received")
        for name, field in record.type.fields.items()
        if sent.get(name) and field.privacy != "public"
    ]


def _published(record_type: RecordType) -> list[str]:
    """Public fields in the order of the type's public page, without those that stand elsewhere on the status page.

    A type without a public page has public fields too: what its sender is meant to read, like a reason or a sum.
    """
    first = record_type.public.fields if record_type.public is not None else ()
    others = [name for name, field in record_type.fields.items() if field.privacy == "public"]
    return [name for name in dict.fromkeys((*first, *others)) if name not in ("state", "number", "title")]


def _by_link(town: Town, number: str, token: str) -> Record | None:
    """The record that a token opens, if it has this number."""
    target = town.records.resolve_link(token, visitor.STATUS) if token else None
    if target is None:
        return None
    try:
        record = town.records.get(citizen(frozenset({target})), *target)
    except NotFound:
        return None
    return record if record.number.casefold() == number.casefold() else None


def _open_one(number: str) -> Opened | None:
    town = current_town()
    target = visitor.opened(town, number)
    if target is None:
        return None
    actor = citizen(frozenset({target}))
    try:
        return Opened(town, actor, town.records.get(actor, *target))
    except NotFound:
        return None


def _unknown() -> BaseResponse:
    """One page for links that never were, are revoked, or are not this browser's: it tells nobody which."""
    return make_response(render_template("portal/unknown.html", private=True), 404)


def routes(blueprint: Blueprint) -> None:
    """Give the pages their addresses."""
    posting: Any = {"methods": ["POST"]}
    blueprint.add_url_rule("/requests/", "requests", requests, methods=["GET", "POST"])
    blueprint.add_url_rule("/status/<number>/<token>", "exchange", exchange)
    blueprint.add_url_rule("/requests/<number>", "status", status)
    blueprint.add_url_rule("/requests/<number>/messages.txt", "thread", thread)
    blueprint.add_url_rule("/requests/<number>/message", "message", message, **posting)
    blueprint.add_url_rule("/requests/<number>/move/<name>", "move", move, methods=["GET", "POST"])
    blueprint.add_url_rule("/requests/<number>/edit", "edit", edit, **posting)
    blueprint.add_url_rule("/requests/<number>/close", "close", close, **posting)
