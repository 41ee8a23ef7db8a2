"""The pages of a public form, as HTML: a step, the review, and what is said when answers are gone."""

from __future__ import annotations

from flask import make_response
from flask import render_template
from flask import request
from werkzeug.wrappers import Response

from townhall.cases import opening
from townhall.portal import contact
from townhall.portal import listings
from townhall.portal.filling import REVIEW
from townhall.portal.filling import Filling
from townhall_forms.fields.answers import AnswersField
from townhall_forms.forms import RecordForm
from townhall_forms.schema import Step


def step_page(
    filling: Filling, step: Step, form: RecordForm, problems: list[tuple[str, str]] | None = None, code: int = 200
) -> Response:
    """One page of questions, with the lines of its error summary."""
    back = filling.before(step.name)
    page = render_template(
        "portal/step.html",
        private=bool(filling.name),
        filling=filling,
        step=step,
        form=form,
        first=not back,
        closed=opening.closed_note(filling.town) if not back else "",
        problems=problems or [],
        action=filling.url(step.name) if filling.name else request.full_path.rstrip("?"),
        back=filling.url(back) if back else "",
    )
    return make_response(page, code)


def review_page(filling: Filling, problems: list[tuple[str, str]] | None = None, code: int = 200) -> Response:
    """All answers before they are sent."""
    chapters = []
    for step in filling.steps:
        if step.name == contact.STEP:
            asked = contact.contact_type(False).fields.values()
            given = filling.draft.contact
            facts = [
                listings.Fact(each.label, each.display(given.get(each.name) or None, filling.context)) for each in asked
            ]
        else:
            facts = _facts(filling, step)
        chapters.append((step, facts, filling.url(step.name)))
    back = filling.before(REVIEW)
    page = render_template(
        "portal/review.html",
        private=True,
        filling=filling,
        chapters=chapters,
        problems=problems or [],
        action=filling.url(REVIEW),
        back=filling.url(back) if back else "",
    )
    return make_response(page, code)


def _facts(filling: Filling, step: Step) -> list[listings.Fact]:
    found: list[listings.Fact] = []
    for field in filling.shown_fields(step.fields):
        value = filling.values.get(field.name)
        if isinstance(field, AnswersField):
            found += listings.answered(field, value, filling.context)
        else:
            found.append(listings.Fact(field.label, listings.shown_value(field, value, filling.context)))
    return found


def gone(again: str = "") -> Response:
    """Answers that expired, were never there, or belong to another browser."""
    return make_response(render_template("portal/gone.html", private=True, again=again), 404)


def summary(form: RecordForm) -> list[tuple[str, str]]:
    """The lines of an error summary: the input to go to, and a sentence that says what it is about."""
    lines = []
    for target, label, message in form.error_list:
        if label and label.casefold() not in message.casefold():
            message = f"{label}{' ' if label[-1] in '?!.:' else ': '}{message}"
        lines.append((target, message))
    return lines
