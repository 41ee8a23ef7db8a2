"""What an administrator does about somebody's sign-in: links, code app, sessions, pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from flask import Blueprint
from flask import flash
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from werkzeug.wrappers import Response

from townhall.access.actors import Actor
from townhall.accounts import account_links
from townhall.accounts import lockout
from townhall.accounts import log
from townhall.accounts import own_password
from townhall.accounts import people
from townhall.accounts import require_staff
from townhall.accounts import second_factor
from townhall.accounts import sessions
from townhall.accounts.managing import is_own
from townhall.accounts.managing import require_manager
from townhall.current import current_town
from townhall.errors import NotFound
from townhall.errors import Rejected

if TYPE_CHECKING:
    from townhall.town import Town


#: What is not done here to oneself: whoever sits down at an administrator's desk would get in for good.
OWN = "Do that under your own name, where your present password is asked for."


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    blueprint.add_url_rule("/people/<int:id>/sign-in", "person_sign_in", change, methods=["POST"])


def change(id: int) -> str | Response:
    """Do what the pressed button says: make a link, end sessions, take the code app away, let them try again."""
    actor = require_staff()
    require_manager(actor)
    town = current_town()
    person = people.by_id(town, id)
    what = request.form.get("change", "")
    try:
        if is_own(actor, id) and what in {"link", "factor"}:
            raise Rejected(OWN)
        if what == "invite":
            return _shown(town, id, own_password.renew_invitation(town, actor, id), invited=True)
        if what == "link":
            return _shown(town, id, own_password.make_reset_link(town, actor, id))
        done = _do(town, actor, person, what)
    except Rejected as refused:
        flash(str(refused), "bad")
    else:
        flash(done, "ok")
    return redirect(url_for("accounts.person", id=id))


def invited(actor: Actor, email: str, *, name: str, role: str) -> str:
    """Add somebody and show their invitation once, or send it where there is mail."""
    town = current_town()
    person, token = own_password.invite(town, actor, email, name=name, role=role)
    return _shown(town, person.id, token, invited=True)


def of_all(town: Town) -> dict[str, Any]:
    """What the page of all people shows besides: who has a code app, whose sign-in waits, whose invitation runs."""
    everybody = people.everybody(town)
    return {
        "with_factor": second_factor.holders(town),
        "locked": lockout.locked_among(town, (person.email for person in everybody)),
        "needs_factor": {person.id for person in everybody if second_factor.is_required(town, person)},
    }


def of_one(town: Town, id: int) -> dict[str, Any]:
    """What the page of one person shows besides."""
    person = people.by_id(town, id)
    until = lockout.locked_until(town, person.email)
    return {
        "own": is_own(require_staff(), id),
        "sessions": sessions.of(town, id),
        "factor": second_factor.of(town, id),
        "required": second_factor.is_required(town, person),
        "locked": lockout.wait_words(town, until) if until else "",
        "invited_until": account_links.expiry(town, id, "invitation"),
        "events": log.read(town, id, limit=20),
    }


def _do(town: Town, actor: Actor, person: people.Person, what: str) -> str:
    """Do it, and say what was done."""
    if what == "withdraw":
        own_password.withdraw_invitation(town, actor, person.id)
        return f"The invitation of {person.name} works no more."
    if what == "unlock":
        lockout.unlock(town, actor, person.id, person.email)
        return f"{person.name} can try again at once."
    if what == "factor":
        second_factor.remove(town, actor, person.id)
        return f"{person.name} is signed out and needs no code from the old app any more."
    if what == "sessions":
        sessions.end_all(town, actor, person.id)
        return f"{person.name} is signed out everywhere."
    number = what.removeprefix("session-")
    if number != what and number.isascii() and number.isdecimal() and len(number) < 18:
        sessions.end(town, actor, person.id, int(number))
        return f"{person.name} is signed out of that device."
    raise NotFound("Choose what to change with one of the buttons.")


def _shown(town: Town, id: int, token: str, *, invited: bool = False) -> str:
    person = people.by_id(town, id)
    mailed = invited and own_password.send_invitation(town, person, token)
    purpose: account_links.Purpose = "invitation" if invited else "reset"
    return render_template(
        "accounts/link_shown.html",
        person=person,
        invited=invited,
        mailed=mailed,
        link=own_password.address(town, token, request.host_url),
        until=account_links.expiry(town, id, purpose),
    )
