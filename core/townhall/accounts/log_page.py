"""The page of the log of accounts, of one person or of all, for those who may manage people."""

from __future__ import annotations

from flask import Blueprint
from flask import render_template
from flask import request

from townhall.accounts import log
from townhall.accounts import people
from townhall.accounts import require_staff
from townhall.accounts.managing import require_manager
from townhall.current import current_town

PAGE = 100


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    blueprint.add_url_rule("/people/log", "account_log", overview)
    blueprint.add_url_rule("/people/<int:id>/log", "person_log", of_person)


def overview() -> str:
    """What happened to all accounts, failures for unknown addresses among it."""
    require_manager(require_staff())
    return _page(None)


def of_person(id: int) -> str:
    """What happened to one account."""
    require_manager(require_staff())
    return _page(people.by_id(current_town(), id))


def _page(person: people.Person | None) -> str:
    town = current_town()
    before = request.args.get("before", "")
    start = int(before) if before.isascii() and before.isdecimal() and len(before) < 18 else None
    events = log.read(town, person.id if person else None, limit=PAGE + 1, before=start)
    return render_template(
        "accounts/log.html",
        person=person,
        events=events[:PAGE],
        older=events[PAGE - 1].id if len(events) > PAGE else None,
        names={each.id: each.name for each in people.everybody(town)},
    )
