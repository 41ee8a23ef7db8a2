"""The page of the people who work here, for those who may manage them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Blueprint
from flask import flash
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from werkzeug.wrappers import Response

from townhall.access.actors import Actor
from townhall.accounts import people
from townhall.accounts import person_security
from townhall.accounts import require_staff
from townhall.accounts import second_factor
from townhall.accounts import seeing_as
from townhall.accounts.managing import is_own
from townhall.accounts.managing import require_manager
from townhall.cases import holding
from townhall.cases import naming
from townhall.current import current_town
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed

if TYPE_CHECKING:
    from townhall.town import Town

#: What is chosen instead of a colleague to let the teams take the cases.
QUEUES = "queues"
INTERACTION = "core.interaction"


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    blueprint.add_url_rule("/people", "people", overview)
    blueprint.add_url_rule("/people", "add_person", add, methods=["POST"])
    blueprint.add_url_rule("/people/<int:id>", "person", person)
    blueprint.add_url_rule("/people/<int:id>", "change_person", change, methods=["POST"])
    blueprint.add_url_rule("/people/<int:id>/hand-over", "hand_over", hand_over, methods=["GET", "POST"])


def overview() -> str:
    """Everybody, and a form to add somebody."""
    _manager()
    return _overview({})


def add() -> str | tuple[str, int] | Response:
    """Add somebody, with a first password or an invitation to choose one."""
    actor = _manager()
    form = request.form
    given = {"name": form.get("name", ""), "role": form.get("role", "")}
    try:
        if not form.get("new_password"):
            return person_security.invited(actor, form.get("email", ""), **given)
        added = people.add(current_town(), actor, form.get("email", ""), **given, password=form.get("new_password", ""))
    except ValidationFailed as error:
        return _overview(error.errors), 422
    flash(f"{added.name} can sign in now. Tell them the password; they can change it under their name.", "ok")
    return redirect(url_for("accounts.people"))


def person(id: int) -> str:
    """One of them."""
    _manager()
    return _person(id, {})


def change(id: int) -> str | tuple[str, int] | Response:
    """Change somebody's name, role, password, or whether they may sign in; the button pressed says which."""
    actor = _manager()
    town = current_town()
    form = request.form
    what = form.get("change", "")
    try:
        if what == "name":
            changed = people.set_name(town, actor, id, form.get("name", ""))
        elif what == "role":
            seen = form["seen"].split() if "seen" in form else None
            changed = people.set_role(town, actor, id, *_roles(), seen=seen)
        elif what == "password" and is_own(actor, id):
            raise ValidationFailed({"": person_security.OWN})
        elif what == "password":
            changed = people.set_password(town, actor, id, form.get("new_password", ""))
        elif what in {"deactivate", "activate"}:
            changed = people.set_active(town, actor, id, what == "activate")
        else:
            raise ValidationFailed({"": "Choose what to change with one of the buttons."})
    except ValidationFailed as error:
        return _person(id, error.errors, _roles() if what == "role" else None), 422
    except people.RolesChanged as others:
        return _person(id, {"role": _told(others)}, _both(others, form["seen"].split())), 422
    done = {
        "name": "The name is changed.",
        "role": f"{changed.name} is now {' and '.join(changed.role_labels)}.{_asked(changed)}",
        "password": f"{changed.name} has a new password. Tell it to them. Calendar addresses made before work no more.",
        "deactivate": f"{changed.name} can’t sign in any more. What they did stays under their name.{_left(id, what)}",
        "activate": f"{changed.name} can sign in again.",
    }
    flash(done[what], "ok")
    return redirect(url_for("accounts.person", id=id))


def hand_over(id: int) -> str | tuple[str, int] | Response:
    """Give all open work of somebody who is away, or leaves, to a colleague or back to its queues."""
    actor = _manager()
    town = current_town()
    form, error = request.form, ""
    if request.method == "POST":
        chosen = form.get("to", "")
        to = int(chosen) if chosen.isascii() and chosen.isdecimal() and len(chosen) < 18 else None
        if to is None and chosen != QUEUES:
            error = "Choose a colleague, or the queues."
        else:
            try:
                note = form.get("note", "").strip()[:1000]
                done = holding.hand_over(town, actor, id, to, note=note)
            except Rejected as refused:
                error = str(refused)
            else:
                whom = people.by_id(town, to).name if to is not None else "their queues"
                for sentence in done.sentences(town, whom):
                    flash(sentence, "bad" if done.refused else "ok")
                if still := sum(each.count for each in naming.naming(town, actor, id)):
                    flash(f"{_still_named(still)} {people.by_id(town, id).name}: see below.", "info")
                return redirect(url_for("accounts.person", id=id))
    whose, found = people.by_id(town, id), holding.open_work(town, actor, id)
    work = [
        (count, town.schemas[identity].label if count == 1 else town.schemas[identity].label_plural)
        for identity, count in found.items()
    ]
    html = render_template(
        "accounts/hand_over.html",
        person=whose,
        work=work,
        colleagues=holding.colleagues(town, found, id),
        error=error,
        typed=form,
        queues=QUEUES,
        reminders=_reminders(town, actor, id),
        named=naming.naming(town, actor, id),
        stay=naming.STAY,
        partial=not holding.sees_all_work(town, actor),
    )
    return (html, 422) if error else html


def _reminders(town: Town, actor: Actor, id: int) -> int:
    """Of how many talks somebody wanted to be reminded, as far as whoever looks may know."""
    where = {"handled_by": id, "follow_up": {"empty": False}, "followed_up": {"ne": True}}
    if not town.records.may(actor, "view", INTERACTION) or not town.records.may_ask(actor, INTERACTION, *where):
        return 0
    return town.records.count(actor, INTERACTION, where).value


def _may_see_as(id: int) -> bool:
    """Whether whoever looks may see the pages as this person does."""
    try:
        seeing_as.refuse(require_staff(), people.by_id(current_town(), id))
    except Forbidden:
        return False
    return True


def _asked(person: people.Person) -> str:
    """Says that somebody has to set up a code app, if so."""
    return f" {second_factor.SETS_UP}" if second_factor.is_missing(current_town(), person) else ""


def _left(id: int, what: str) -> str:
    """Says that somebody who left still has open work or is named in some, if so."""
    if what != "deactivate":
        return ""
    town, actor, said = current_town(), require_staff(), ""
    if count := sum(holding.open_work(town, actor, id).values()):
        said += f" They still have {count} open {'case' if count == 1 else 'cases'}: hand them over below."
    if still := sum(each.count for each in naming.naming(town, actor, id)):
        said += f" {_still_named(still)} them: see below."
    return said


def _still_named(count: int) -> str:
    """How many open cases and coming events name somebody, to stand before who it is."""
    return (
        f"{count} open cases or coming events still name" if count > 1 else "An open case or a coming event still names"
    )


def _manager() -> Actor:
    actor = require_staff()
    require_manager(actor)
    return actor


def _overview(errors: dict[str, str]) -> str:
    town = current_town()
    return render_template(
        "accounts/people.html",
        everybody=people.everybody(town),
        roles=people.roles(town),
        errors=errors,
        typed=request.form,
        **person_security.of_all(town),
    )


def _roles() -> list[str]:
    """The roles that were ticked."""
    return [name for name in request.form.getlist("role") if name]


def _both(changed: people.RolesChanged, seen: list[str]) -> list[str]:
    """Both changes: what the colleague gave or took stays, except where this form says otherwise."""
    now, wanted, shown = set(changed.person.roles), set(_roles()), set(seen)
    return sorted((now | (wanted - shown)) - (shown - wanted))


def _told(changed: people.RolesChanged) -> str:
    """What a colleague changed meanwhile, and what to do."""
    now = changed.person
    return (
        f"{changed} {now.name} is now {' and '.join(now.role_labels) or 'without a role'}. "
        "Your choices are ticked together with that. Look at them, then change the roles again."
    )


def _person(id: int, errors: dict[str, str], chosen: Sequence[str] | None = None) -> str:
    """One person's page, with the roles that are ticked, if they are not those that the person has."""
    town = current_town()
    return render_template(
        "accounts/person.html",
        person=(whose := people.by_id(town, id)),
        ticked=whose.roles if chosen is None else chosen,
        open_cases=sum(holding.open_work(town, require_staff(), id).values()),
        named=naming.naming(town, require_staff(), id),
        stay=naming.STAY,
        may_see_as=_may_see_as(id),
        roles=people.roles(town),
        errors=errors,
        typed=request.form,
        **person_security.of_one(town, id),
    )
