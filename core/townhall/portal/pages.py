"""The home page, the search over services, and the pages about the site itself."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint
from flask import render_template
from flask import request

from townhall.current import current_town
from townhall.portal import services
from townhall.portal.contact import CONTACT_LABELS
from townhall_forms.schema import Form
from townhall_forms.schema import RecordType

#: Services that stand under the search box.
OFTEN = 4
#: What each level of privacy means to the person who answers.
LEVELS = {"public": "Public", "internal": "For the town hall", "confidential": "Confidential"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one form asks, and who sees the answers."""

    label: str
    heading: str
    asks: list[tuple[str, str]]


def home() -> str:
    """Everything on offer, by heading."""
    offered = services.services(current_town())
    headings = services.headings(offered)
    first = [heading.services[0] for heading in headings if heading.services[0].is_form]
    often = first[:OFTEN] if len(offered) > OFTEN else []
    notices = current_town().plugins.public_notices()
    return render_template("portal/home.html", headings=headings, often=often, notices=notices)


def search() -> str:
    """Services by their words."""
    text = request.args.get("q", "").strip()[:100]
    found = services.search(services.services(current_town()), text)
    return render_template("portal/search.html", text=text, found=found)


def accessibility() -> str:
    """The accessibility statement."""
    return render_template("portal/accessibility.html")


def privacy() -> str:
    """How the town uses data: generated from the forms that are on offer, so that it is never out of date."""
    types = sorted(current_town().schemas.values(), key=lambda one: (one.order, one.label))
    asked = [what_it_asks(record_type, form) for record_type in types for form in record_type.sent_forms.values()]
    return render_template("portal/privacy.html", forms=asked)


def what_it_asks(record_type: RecordType, form: Form) -> Asked:
    """Every question of a form with the words for its privacy."""
    asks = [
        (field.label, LEVELS[field.privacy])
        for field in (record_type.fields.get(name) for name in form.fields)
        if field is not None
    ]
    if form.contact != "none":
        optional = " (optional)" if form.contact == "optional" else ""
        asks += [(f"{label}{optional}", LEVELS["internal"]) for label in CONTACT_LABELS]
    return Asked(form.label, form.service or record_type.label_plural, asks)


def routes(blueprint: Blueprint) -> None:
    """Give the pages their addresses."""
    blueprint.add_url_rule("/", "home", home)
    blueprint.add_url_rule("/search", "search", search)
    blueprint.add_url_rule("/accessibility", "accessibility", accessibility)
    blueprint.add_url_rule("/privacy", "privacy", privacy)
