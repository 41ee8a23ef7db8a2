"""Views of a list that clerks keep: a label and the query string that makes it, for oneself or for everybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from urllib.parse import parse_qsl

from townhall.access.actors import Actor
from townhall.admin.urls import encoded
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import ValidationFailed

if TYPE_CHECKING:
    from townhall.town import Town

#: Parameters that say where in the list one is, not what the list shows.
_PLACE = frozenset({"after", "before", "saved", "page", "pick"})
LONGEST_LABEL = 60
MOST_VIEWS = 100


@dataclass(frozen=True, slots=True)
class SavedView:
    """A kept view. ``own`` says that the actor who asked may delete it."""

    id: int
    label: str
    query: str
    shared: bool
    own: bool


def views_of(town: Town, actor: Actor, identity: str) -> list[SavedView]:
    """The actor's own views of a type's list and those that colleagues share, oldest first."""
    # Every list asks this: a query object for it would cost more than the answer.
    mark = town.database.param
    statement = (
        f"SELECT id, label, query, shared, owner_id FROM saved_view WHERE identity = {mark}"  # noqa: S608  # marks
        f" AND (owner_id = {mark} OR shared) ORDER BY id LIMIT {MOST_VIEWS}"
    )
    found = town.database.execute_sql(statement, (identity, actor.id)).fetchall()
    may_share = actor.may("views.share")
    return [
        SavedView(id, label, query, bool(shared), owner == actor.id or (shared and may_share))
        for id, label, query, shared, owner in found
    ]


def save_view(town: Town, actor: Actor, identity: str, label: str, query: str, shared: bool) -> int:
    """Keep a view under ``label``; one of the same actor with that label is replaced. Returns its id."""
    label = " ".join(label.split())
    if not label:
        raise ValidationFailed({"label": "Give the view a name, for example “Weir ward, overdue”."})
    if len(label) > LONGEST_LABEL:
        raise ValidationFailed({"label": f"Give the view a shorter name, {LONGEST_LABEL} letters at most."})
    if shared and not actor.may("views.share"):
        raise Forbidden("You may not share views with everybody. Save it for yourself.")
    model: Any = town.system.saved_view
    values = {"query": tidy_query(query), "shared": shared}
    with immediate(town.database):
        own = (model.identity == identity) & (model.owner_id == actor.id)
        same = model.select(model.id).where(own & (model.label == label)).tuples().first()
        if same is not None:
            model.update(values).where(model.id == same[0]).execute()
            return int(same[0])
        if model.select().where(own).count() >= MOST_VIEWS:
            raise ValidationFailed({"label": f"You have {MOST_VIEWS} views of this list. Delete one first."})
        at = int(town.clock.now().timestamp() * 1_000_000)
        return int(model.insert(identity=identity, label=label, owner_id=actor.id, created_at=at, **values).execute())


def delete_view(town: Town, actor: Actor, identity: str, id: int) -> str:
    """Delete a view; returns its label. A shared one may be deleted by whoever may share."""
    for view in views_of(town, actor, identity):
        if view.id == id:
            if not view.own:
                raise Forbidden("This view belongs to a colleague. Ask them to delete it.")
            model: Any = town.system.saved_view
            with immediate(town.database):
                model.delete().where(model.id == id).execute()
            return view.label
    raise NotFound("There is no such view any more.")


def tidy_query(query: str) -> str:
    """A list's query string without empty parameters and without the place in it."""
    return tidy_pairs(parse_qsl(query))


def tidy_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """The same for a query that was read already."""
    return encoded(tuple((name, value) for name, value in pairs if name not in _PLACE and value))
