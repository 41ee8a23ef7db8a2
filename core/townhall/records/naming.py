"""What of a record's title somebody may read.

A title is stored as the town itself reads it, and may name records that others may not know of: a link puts the title
of the record behind it there. Whoever may not be told of all that it names gets a title that is made anew of the rest
(:func:`townhall.records.display.title`), and nothing is found, filtered or sorted by the stored one for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import NamedTuple

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records.plans import plan
from townhall.records.plans import plans
from townhall.records.plans import title_path_is_public
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town


class Told(NamedTuple):
    """What a title of a type tells somebody: ``paths`` of it are for them, and the stored one if they are told the
    ``whole``.
    """

    paths: frozenset[str]
    whole: bool

    @property
    def fields(self) -> frozenset[str]:
        """The fields that these paths begin with."""
        return frozenset(path.partition(".")[0] for path in self.paths)


def may_name(town: Town, actor: Actor, record_type: RecordType) -> bool:
    """Whether records of the type may be named to the actor where a link points at them.

    The public may read the names of things that have public names (a category, a department), even if the things
    themselves are on no public page; if some of them are, only those.
    """
    if policy.is_staff(actor) and not policy.may(actor, "view", record_type):
        return False
    if policy.sees_internal(actor, record_type):
        return True
    return plan(town, record_type.identity).public_title


def told(town: Town, actor: Actor, record_type: RecordType) -> Told:
    """What the titles of a type tell the actor. It goes by permissions alone, and is worked out once for them.

    Besides what anybody may read, a title says of a link what the link itself would: nothing where no record of that
    type may be named. Records of it that a narrowed permission doesn't reach are named in the titles of those that it
    does reach.
    """
    kept = plans(town).kept
    key = ("told", record_type.identity, actor.kind, actor.permissions)
    found: Told | None = kept.get(key)
    if found is None:
        found = kept[key] = _told(town, actor, record_type, frozenset())
    return found


def points_openly(town: Town, actor: Actor, field: Field) -> bool:
    """Whether the stored titles of all that a field may point at are for the actor."""
    return all(
        plan(town, each.identity).public_title or (may_name(town, actor, each) and told(town, actor, each).whole)
        for each in _targets(town, field)
    )


def _told(town: Town, actor: Actor, record_type: RecordType, above: frozenset[str]) -> Told:
    every = frozenset(record_type.title.paths)
    if actor.kind == "system":
        return Told(every, whole=True)
    above |= {record_type.identity}
    paths = frozenset(path for path in every if _is_told(town, actor, record_type, path))
    linked = [each for path in paths for each in _linked(town, record_type, path)]
    whole = paths == every and all(
        _told(town, actor, each, above).whole for each in linked if each.identity not in above
    )
    if not whole:
        # What is made anew names others by titles that may be made anew themselves, so it must come to an end.
        paths = frozenset(path for path in paths if not _leads_back(town, record_type, path))
    return Told(paths, whole)


def _is_told(town: Town, actor: Actor, record_type: RecordType, path: str) -> bool:
    if title_path_is_public(town.schemas, record_type, path):
        return True
    resolved = town.schemas.resolve(record_type, path)
    if resolved is None or not policy.sees_internal(actor, record_type):
        return False
    if not all(may_name(town, actor, each) for each in _targets(town, resolved.first)):
        return False
    if resolved.second is None or resolved.target is None:
        return True
    readable = resolved.second.name in policy.readable(actor, resolved.target).readable
    return readable and all(may_name(town, actor, each) for each in _targets(town, resolved.second))


def _targets(town: Town, field: Field) -> Iterator[RecordType]:
    """The types that a field may point at; one that a field may no longer point at is in no schema."""
    if field.type_name == "reference":
        yield from town.schemas.values()
    elif (target := town.schemas.get(field.target)) is not None:
        yield target


def _linked(town: Town, record_type: RecordType, path: str) -> list[RecordType]:
    """The types whose titles stand in a title for a path."""
    resolved = town.schemas.resolve(record_type, path)
    return [] if resolved is None else [*_targets(town, resolved.second or resolved.first)]


def _leads_back(town: Town, record_type: RecordType, path: str) -> bool:
    """Whether the titles that stand in a title for a path may name records of the same type."""
    waiting, seen = _linked(town, record_type, path), set[str]()
    while waiting:
        each = waiting.pop()
        if each.identity == record_type.identity:
            return True
        if each.identity not in seen:
            seen.add(each.identity)
            waiting += [linked for inner in each.title.paths for linked in _linked(town, each, inner)]
    return False
