"""A record as it was at any of its versions, what is different between two, and bringing an earlier one back.

What a field held is found in history: the last entry up to the version that tells of it says what it became, or else
the first one after it says what it was before, or else it is what the record holds today. An entry whose values were
erased may have told of any field, so nobody looks past it: what can't be known that way is said to be unknown, and
never brought back.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.records import encrypting
from townhall.records import history
from townhall.records import reading
from townhall.records import shared_cases
from townhall.records import writing
from townhall.records.instants import to_microseconds
from townhall.records.types import ARCHIVED
from townhall.records.types import ASSIGNEE
from townhall.records.types import CHANNEL
from townhall.records.types import CLOSED
from townhall.records.types import DUE
from townhall.records.types import QUEUE
from townhall.records.types import STATE
from townhall.records.types import VERSION
from townhall.records.types import HistoryEntry
from townhall.records.types import Record
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: Entries of a record that changed nothing in it.
LOOKS = frozenset({"reveal", "link", "share", "unshare"})
FILES = frozenset({"file", "files"})
#: Standard fields that a version has, with their place in a row.
_PLACES: Mapping[str, int] = {
    "state": STATE, "assignee": ASSIGNEE, "queue": QUEUE, "due": DUE, "closed": CLOSED, "channel": CHANNEL,
    "archived": ARCHIVED,
}  # fmt: skip
#: Those that the first entry of a record tells of.
_OPENING = frozenset({"state", "assignee", "queue"})
#: Those that follow from others, or have a page of their own.
_FOLLOWING = frozenset({"closed", "channel", "archived"})


@dataclass(frozen=True, slots=True)
class Version:
    """A record as it was: ``record`` holds what the actor may see, ``unknown`` the fields of which nobody knows."""

    record: Record
    entry: HistoryEntry
    unknown: frozenset[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that two versions have different values of; ``problem`` says why the old one can't be brought back."""

    field: Field
    old: Any
    new: Any
    problem: str = ""
    old_known: bool = True
    new_known: bool = True


@dataclass(frozen=True, slots=True)
class _Step:
    """One entry that made a version: what it says of each field, old and new as plain JSON; ``None`` if erased."""

    version: int
    action: str
    changes: Mapping[str, Sequence[Any]] | None


@dataclass(slots=True)
class _Past:
    """All that is known of a record over time, for the town itself."""

    town: Town
    actor: Actor
    seen: Record
    steps: Sequence[_Step]
    today: Mapping[str, Any]
    eye: history.Eye
    all_seeing: history.Eye

    @property
    def type(self) -> RecordType:
        """The record's type."""
        return self.seen.type

    def at(self, number: int) -> tuple[dict[str, Any], frozenset[str]]:
        """What each field held at a version, as plain JSON, and the fields of which nobody knows."""
        before = [step for step in self.steps if step.version <= number]
        after = [step for step in self.steps if step.version > number]
        told: dict[str, Any] = {}
        unknown = set()
        for name in self.today:
            known, value = self._backward(name, before)
            if not known:
                known, value = self._forward(name, after)
            if known:
                told[name] = value
            else:
                unknown.add(name)
        return told, frozenset(unknown)

    def _backward(self, name: str, steps: Sequence[_Step]) -> tuple[bool, Any]:
        for step in reversed(steps):
            if step.changes is None:
                return False, None
            if name in step.changes:
                return True, step.changes[name][1]
        # Whatever the first entry doesn't tell of was empty.
        whole = bool(steps) and steps[0].version == 1 and (name in self.type.fields or name in _OPENING)
        return (whole and not self._is_worked_out(name)), None

    def _forward(self, name: str, steps: Sequence[_Step]) -> tuple[bool, Any]:
        for step in steps:
            if step.changes is None:
                return False, None
            if name in step.changes:
                return True, step.changes[name][0]
        return True, self.today[name]

    def _is_worked_out(self, name: str) -> bool:
        return name in self.type.fields and self.type.fields[name].is_computed

    def visible(self, name: str, told: Mapping[str, Any], *, whole: bool = False) -> Any:
        """A value among those of one time, as the actor may see it; or as the town itself does."""
        eye = self.all_seeing if whole else self.eye
        return eye.value(name, told.get(name), self._beside(name, told))

    def asked(self, name: str, told: Mapping[str, Any]) -> Field:
        """A field; one with answers knows what the record of one time would be asked today."""
        return self.all_seeing.asked(name, self._beside(name, told))

    def _beside(self, name: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the record held at the same time, by which answers find their questions."""
        field = self.type.fields.get(name)
        if field is None or field.type_name != "answers" or "." not in field.source:
            return {}
        link = field.source.partition(".")[0]
        return {link: told.get(link)}


def numbers(entries: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    """The entries that made a version, one for each, in order."""
    made: dict[int, HistoryEntry] = {}
    for entry in entries:
        if entry.action not in LOOKS:
            made[entry.version] = entry
    return [made[number] for number in sorted(made)]


def version(town: Town, actor: Actor, identity: str, id: int, number: int) -> Version:
    """A record as it was at version ``number``, as far as the actor may see it today.

    Raises :class:`~townhall.errors.NotFound` if there was no such version.
    """
    past = _past(town, actor, identity, id)
    entry = _entry(town, actor, identity, id, number)
    told, unknown = past.at(number)
    access = policy.readable(actor, past.type)
    values = {
        name: past.visible(name, told) for name in past.type.fields if name in access.readable and name not in unknown
    }
    row = list(past.seen._row)
    row[VERSION] = number
    for name, place in _PLACES.items():
        if place < len(row):
            row[place] = _cell(past, name, told)
    masked = frozenset(name for name in access.masked if name in unknown or told.get(name) is not None)
    seen = Record(
        past.type, row, values, title=past.seen.title, titles={}, masked=masked, hidden=past.seen.hidden,
        staff=policy.is_staff(actor),
    )  # fmt: skip
    return Version(seen, entry, unknown & access.readable)


def compare(town: Town, actor: Actor, identity: str, id: int, old: int, new: int) -> list[Difference]:
    """The fields that have different values at two versions, as far as the actor may know of them."""
    past = _past(town, actor, identity, id)
    for number in (old, new):
        _entry(town, actor, identity, id, number)
    return _differences(past, past.at(old), past.at(new))


def restoring(town: Town, actor: Actor, identity: str, id: int, number: int) -> list[Difference]:
    """What bringing a version back would change, ``old`` being as it was then and ``new`` as it is."""
    past = _past(town, actor, identity, id)
    policy.require(actor, "edit", past.type)
    _entry(town, actor, identity, id, number)
    then, unknown = past.at(number)
    found = _differences(past, (then, unknown), (dict(past.today), frozenset()))
    kept = shared_cases.kept(town, actor, past.type, id) if found else ()
    told = []
    for each in found:
        if each.field.name in _FOLLOWING or each.field.is_computed:
            continue
        problem = shared_cases.KEPT if each.field.name in kept else ""
        problem = problem or _problem(past, each, then) or _not_offered(past, each.field.name, then)
        told.append(Difference(each.field, each.old, each.new, problem, each.old_known))
    return told


def bring_back(
    town: Town,
    actor: Actor,
    identity: str,
    id: int,
    number: int,
    *,
    version: int,
    names: Collection[str] | None = None,
    note: str = "",
) -> Record:
    """Make a new version with the values of an earlier one, as any change is made: with all rules, and who did it.

    ``names`` chooses among the fields that can be brought back; ``version`` is the one that the actor saw.
    Raises what :func:`townhall.records.writing.update` raises, and :class:`~townhall.errors.Rejected` if nothing would
    change.
    """
    found = restoring(town, actor, identity, id, number)
    then, _ = _past(town, actor, identity, id).at(number)
    wanted = [each.field.name for each in found if not each.problem and (names is None or each.field.name in names)]
    if not wanted:
        raise Rejected("Nothing would be changed. Choose at least one field that can be brought back.")
    why = f"Version {number} brought back. {note}".strip()
    values = {name: then.get(name) for name in wanted}
    return writing.update(town, actor, identity, id, values, version=version, note=why)


def _past(town: Town, actor: Actor, identity: str, id: int) -> _Past:
    """Gather a record's history. The actor must be one who may see the record, and its history."""
    seen = reading.get(town, actor, identity, id)
    policy.require(actor, "view", seen.type)
    whole = reading.get(town, system(), identity, id)
    today: dict[str, Any] = {}
    for name, field in seen.type.fields.items():
        value = whole.values.get(name)
        today[name] = None if value is None else json.loads(encrypting.as_json(field, value))
    for name in _PLACES:
        field_ = seen.type.system_fields.get(name)
        if field_ is not None:
            value = getattr(whole, name)
            today[name] = None if value in (None, "") else json.loads(field_.json_text(value))
    steps = [
        _Step(row.version, row.action, row.changes)
        for row in history.told(town, seen.type, id)
        if row.action not in LOOKS and row.version
    ]
    eyes = (history.Eye(town, each, seen.type, id) for each in (actor, system()))
    return _Past(town, actor, seen, steps, today, *eyes)


def _entry(town: Town, actor: Actor, identity: str, id: int, number: int) -> HistoryEntry:
    for entry in numbers(history.history(town, actor, identity, id)):
        if entry.version == number:
            return entry
    raise NotFound(f"There is no version {number} of this record.")


def _differences(
    past: _Past, old: tuple[Mapping[str, Any], frozenset[str]], new: tuple[Mapping[str, Any], frozenset[str]]
) -> list[Difference]:
    access = policy.readable(past.actor, past.type)
    found = []
    for name in past.today:
        if name not in access.readable and name not in access.masked:
            continue
        known = (name not in old[1], name not in new[1])
        before, after = old[0].get(name), new[0].get(name)
        if before == after and all(known):
            continue
        if known == (False, False):
            continue
        field = past.type.all_fields[name]
        seen = past.visible(name, old[0]), past.visible(name, new[0])
        if seen[0] == seen[1] and all(known) and name not in access.masked:
            continue  # only a part that is not for this person is different
        found.append(Difference(field, *seen, old_known=known[0], new_known=known[1]))
    return found


def _problem(past: _Past, each: Difference, then: Mapping[str, Any]) -> str:
    """Why a field can't be brought back, in a sentence; empty if it can."""
    name, field = each.field.name, each.field
    access = policy.readable(past.actor, past.type)
    if not each.old_known:
        return "What it was is not kept any more."
    if name in access.masked:
        return "It is confidential. Change it by hand if you have to."
    if name == "state":
        return "The state is changed by a move."
    if field.read_only and name in past.type.fields:
        return "It is set by rules."
    if field.type_name in FILES:
        return "Files are not brought back. Add them again if you have them."
    if _in_part(past, name, then) or _in_part(past, name, past.today):
        return "Parts of it are confidential. Change it by hand if you have to."
    return ""


def _not_offered(past: _Past, name: str, then: Mapping[str, Any]) -> str:
    """Which choice of then, in the field or a part of it, could not be made today, in a sentence; empty if all could.

    One that the record has today may stay. A choice that is gone altogether can't be written any more; answers keep the
    questions that they were given to, and their choices.
    """
    had = {(part, value) for part, _, value in _choices(past, name, past.today)}
    for part, field, value in _choices(past, name, then):
        known = {choice.value: choice.label for choice in field.choices}
        if value in known or past.type.all_fields[name].type_name == "answers":
            offered = any(choice.value == value and not choice.retired for choice in field.choices)
            if offered or (part, value) in had:
                continue
        return f"“{known.get(value, value)}” is not offered any more. Choose another by hand."
    return ""


def _choices(past: _Past, name: str, told: Mapping[str, Any]) -> Iterator[tuple[str, Field, Any]]:
    """Every choice that stands in a value of one time: where in it, of which field, column or question, and which."""
    value, field = told.get(name), past.asked(name, told)
    if value is None:
        return
    if field.type_name == "answers":
        fields: Mapping[str, Field] = cast(AnswersField, field).fields()
        parts = [*value["values"].items()]
    elif field.row_fields:
        fields, parts = field.row_fields, [pair for row in value for pair in row.items()]
    else:
        fields, parts = {name: field}, [(name, value)]
    for part, given in parts:
        if part in fields and fields[part].choices:
            for each in given if isinstance(given, list) else [given]:
                yield part, fields[part], each


def _in_part(past: _Past, name: str, told: Mapping[str, Any]) -> bool:
    """Whether the actor sees only a part of a value."""
    return bool(past.visible(name, told) != past.visible(name, told, whole=True))


def _cell(past: _Past, name: str, told: Mapping[str, Any]) -> Any:
    """A standard field's value as a row holds it."""
    value = past.visible(name, told)
    return to_microseconds(value) if value is not None and name in ("due", "closed", "archived") else value
