"""Sending a public form: one record however often the button is pressed, or the page that can put it right."""

from __future__ import annotations

import json

from flask import flash
from flask import redirect
from flask import url_for
from werkzeug.wrappers import Response

from townhall import meanwhile
from townhall.access.actors import ANONYMOUS
from townhall.access.actors import system
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.portal import contact
from townhall.portal import drafts
from townhall.portal import visitor
from townhall.portal.filling import Filling
from townhall.portal.form_pages import gone
from townhall.portal.form_pages import review_page
from townhall.portal.form_pages import step_page
from townhall.portal.form_pages import summary

CHANGED_MEANWHILE = (
    "We changed something here while you were writing. What you wrote is still here: look through it and send it again"
)


def send(filling: Filling) -> Response:
    """Send the answers, or show what is wrong with them."""
    try:
        return _update(filling) if filling.editing else _create(filling)
    except ValidationFailed as error:
        return _refused(filling, error.errors)
    except Rejected as error:
        return _refused(filling, {error.field: str(error)})
    except (Forbidden, NotFound) as error:
        return review_page(filling, [("", str(error))], 422)


def _create(filling: Filling) -> Response:
    """Make the record, once: a second sender of the same form gets the same receipt."""
    town, record_type = filling.town, filling.record_type
    key = visitor.draft_key(filling.name)
    with drafts.sending(town, key) as draft:
        if draft is None:
            return gone(filling.start_url)
        if not draft.sent:
            sender = filling.sender()
            record = town.records.create(
                ANONYMOUS,
                record_type.identity,
                filling.answers(),
                form=filling.form.name,
                contact=sender,
                contact_id=visitor.sender_id(town, sender),
            )
            links = {name: record.id for name, record in filling.known_links().items()}
            kept = {"label": filling.label, "promise": filling.promise, "links": json.dumps(links)}
            if record_type.number and record.number:
                token = town.records.make_link(system("portal"), record.identity, record.id, visitor.STATUS)
                kept |= {"number": record.number, "token": token}
            drafts.mark_sent(town, key, record.id, kept)
    return redirect(url_for("portal.receipt", name=filling.name), 303)


def _update(filling: Filling) -> Response:
    """Save the changes to a record that was sent before."""
    town, draft = filling.town, filling.draft
    record = town.records.get(filling.actor, draft.identity, draft.record)
    changed = {name: filling.values.get(name) for name in draft.values}
    try:
        town.records.update(filling.actor, draft.identity, draft.record, changed, version=draft.version)
    except Conflict as conflict:
        before = meanwhile.opened_with(town, system("portal"), record, draft.version)
        for name in [name for name, value in changed.items() if meanwhile.is_untouched(before, name, value)]:
            del draft.values[name]
        filling.forget()
        draft.version = conflict.current.version
        drafts.keep(town, visitor.draft_key(filling.name), draft)
        return review_page(filling, [("", CHANGED_MEANWHILE)], 409)
    flash("Your changes are saved.", "ok")
    drafts.discard(town, visitor.draft_key(filling.name))
    return redirect(url_for("portal.status", number=record.number), 303)


def _refused(filling: Filling, errors: dict[str, str]) -> Response:
    """Show what records refused, on the first page that can put it right."""
    by_step: dict[str, dict[str, str]] = {}
    for path, sentence in errors.items():
        by_step.setdefault(filling.step_of_error(path), {})[path] = sentence
    step = next((step for step in filling.steps if step.name in by_step), None)
    if step is None:
        return review_page(filling, [("", sentence) for sentence in errors.values()], 422)
    form = filling.open(step)
    if step.name == contact.STEP:
        form.add_errors({contact.input_of(path): sentence for path, sentence in by_step[step.name].items()})
    else:
        form.add_errors(by_step[step.name])
    general = [("", sentence) for sentence in by_step.get("", {}).values()]
    return step_page(filling, step, form, [*general, *summary(form)], 422)
