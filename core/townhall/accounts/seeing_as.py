"""Seeing the pages as a colleague sees them: to read only, said on every page, and written to the log of accounts.

Whoever looks keeps their own session. Only the actor of a request is the colleague's, and that actor can change
nothing and is shown nothing confidential.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Blueprint
from flask import abort
from flask import flash
from flask import g
from flask import redirect
from flask import request
from flask import session
from flask import url_for
from flask_security import current_user
from werkzeug.wrappers import Response

from townhall.access.actors import Actor
from townhall.access.permissions import permission
from townhall.access.permissions import split
from townhall.accounts import current_actor
from townhall.accounts import entering
from townhall.accounts import log
from townhall.accounts import people
from townhall.accounts import require_staff
from townhall.accounts.people import Person
from townhall.current import current_town
from townhall.errors import Forbidden
from townhall.errors import NotFound

if TYPE_CHECKING:
    from townhall.town import Town

#: The permission to do so.
PERMISSION = "users.see_as"
_KEY = "sees_as"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: What can be sent while looking: to stop, and to leave.
_WAYS_OUT = frozenset({"accounts.stop_seeing", "accounts.sign_out"})


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    blueprint.add_url_rule("/people/<int:id>/see-as", "see_as", begin, methods=["POST"])
    blueprint.add_url_rule("/see-as/stop", "stop_seeing", stop, methods=["POST"])


def begin(id: int) -> Response:
    """Begin to see the pages as a colleague sees them."""
    actor, town = require_staff(), current_town()
    person = people.by_id(town, id)
    refuse(actor, person)
    session[_KEY] = person.id
    log.write(town, actor, "seen_as", person.id, address=request.remote_addr or "")
    return redirect("/admin/")


def stop() -> Response:
    """See the pages as oneself again."""
    require_staff()
    id = end(current_town(), entering.actor_of(current_user))
    actor = require_staff()
    if id is None:
        return redirect("/admin/")
    flash("You see Townhall as yourself again.", "ok")
    return redirect(url_for("accounts.person", id=id) if actor.may(people.PERMISSION) else "/admin/")


def end(town: Town, own: Actor) -> int | None:
    """Look through nobody's eyes any more; whose they were, if anybody's. ``own`` is who looked."""
    id: int | None = session.pop(_KEY, None)
    g.pop("actor", None)
    if id is not None:
        log.write(town, own, "seen_as_ended", id, address=request.remote_addr or "")
    return id


def refuse(actor: Actor, person: Person) -> None:
    """Raise :class:`~townhall.errors.Forbidden` unless the actor may see the pages as ``person`` does.

    Nobody gets to see by this what they could not see before.
    """
    if not actor.may(PERMISSION):
        raise Forbidden("You may not see the pages as others do. Ask an administrator.")
    if person.id == actor.id or not person.active:
        raise Forbidden("Choose a colleague who may sign in.")
    if not all(_may_all(actor, split(held)[0]) for held in person.permissions):
        raise Forbidden(f"{person.name} may do more than you, so you can't see what they see.")


def _may_all(actor: Actor, name: str) -> bool:
    """Whether the actor has the permission for every record, be it that they read all internal fields and not one."""
    identity, of_field, _ = name.partition(".see.")
    wider = permission(identity, "see_internal") if of_field else name
    return actor.reach(name) == "all" or actor.reach(wider) == "all"


def through(town: Town, actor: Actor) -> Actor:
    """Who acts for the person who is signed in: themselves, or the colleague through whose eyes they look."""
    id = session.get(_KEY)
    if id is None:
        return actor
    try:
        person = people.by_id(town, id)
        refuse(actor, person)
    except (Forbidden, NotFound):
        session.pop(_KEY, None)
        return actor
    words = f"You see Townhall as {person.name} does. Nothing can be changed, taken along or revealed meanwhile."
    return replace(actor, name=person.name, id=person.id, permissions=person.permissions, read_only=words, known={})


def refuse_changes() -> None:
    """Refuse whatever is sent from the staff pages while somebody looks through a colleague's eyes."""
    if _KEY not in session or request.method in _READING or request.endpoint in _WAYS_OUT:
        return
    actor = current_actor()
    if actor.read_only and request.path.startswith("/admin"):
        abort(403, description=actor.read_only)
