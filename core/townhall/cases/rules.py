"""All calendars and targets of a town, read once and kept until one of them changes.

Every write of a case asks for them, and an import asks ten thousand times. A mark in the database says which edition
counts, so that another process's change is noticed by one small query.
"""

from __future__ import annotations

import secrets
import weakref
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.cases import calendars
from townhall.cases import targets
from townhall.cases.targets import Target
from townhall.cases.working_time import NoWorkingTime
from townhall.cases.working_time import WorkingCalendar
from townhall.db import meta
from townhall.records.onward import asked_onward
from townhall.records.types import Record
from townhall_forms.operands import Environment
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

_EDITION = "clocks_edition"
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Rules:
    """What clocks are counted by. ``default`` is the town's own calendar, ``targets`` are in the order in which they
    are tried, by type. ``names`` are those of all targets, also out of use: what was achieved was achieved under them.
    """

    calendars: Mapping[int, WorkingCalendar]
    default: WorkingCalendar | None
    targets: Mapping[str, tuple[Target, ...]]
    by_id: Mapping[int, Target] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)

    def match(self, identity: str, get: Any, environment: Environment) -> Target | None:
        """The first target that fits a case, whose values ``get`` gives by path."""
        for target in self.targets.get(identity, ()):
            if target.broken:
                continue
            if target.condition is None or target.condition.evaluate(get, environment):
                return target
        return None

    def calendar(self, target: Target | None) -> WorkingCalendar | None:
        """The calendar in which a target is counted: its own, or the town's."""
        if target is not None and target.calendar_id is not None:
            return self.calendars.get(target.calendar_id, self.default)
        return self.default

    def paths(self, identity: str) -> frozenset[str]:
        """Every path of a case of this type that decides about its clocks."""
        found: set[str] = set()
        for target in self.targets.get(identity, ()):
            if not target.broken:
                found |= target.paths
        return frozenset(found)


_known: weakref.WeakKeyDictionary[Town, tuple[str, Rules]] = weakref.WeakKeyDictionary()


def current(town: Town) -> Rules:
    """The calendars and targets that count now."""
    edition = f"{town.built_for} {meta.get(town.system, _EDITION)}"
    known = _known.get(town)
    if known is None or known[0] != edition:
        known = _known[town] = (edition, _read(town))
    return known[1]


def of_type(town: Town, record_type: RecordType) -> Rules:
    """The same for cases of one type, at this moment: what a target asks about a record that was merged, it asks about
    the one as which that goes on.
    """
    rules = current(town)
    some = rules.targets.get(record_type.identity, ())
    now = tuple(_onward(town, record_type, target) for target in some)
    return rules if now == some else replace(rules, targets={**rules.targets, record_type.identity: now})


def _onward(town: Town, record_type: RecordType, target: Target) -> Target:
    if target.condition is None:
        return target
    asked = asked_onward(town, system(), record_type, target.condition)
    return target if asked is target.condition else replace(target, condition=asked)


def touch(town: Town) -> None:
    """A calendar or target changed: every process reads them anew. Must run inside the transaction of the change."""
    meta.put(town.system, _EDITION, secrets.token_hex(8))


def every_target(town: Town) -> list[Target]:
    """All targets that are in use, those that mean nothing any more as well, in the order in which they are tried."""
    found = [targets.read(town, record.id, record.values) for record in _all(town, targets.IDENTITY)]
    return sorted(found, key=lambda target: (target.case_type, target.order, target.id))


def _read(town: Town) -> Rules:
    known: dict[int, WorkingCalendar] = {}
    default = None
    for record in _all(town, calendars.IDENTITY):
        try:
            calendar = calendars.build(record["frames"] or (), record["holidays"] or (), town.zone)
        except NoWorkingTime:
            continue
        known[record.id] = calendar
        if record["default"]:
            default = calendar
    by_type: dict[str, list[Target]] = defaultdict(list)
    for target in every_target(town):
        by_type[target.case_type].append(target)
    everything: Iterable[Target] = (target for some in by_type.values() for target in some)
    ever = town.records.find(system(), targets.IDENTITY, sort="id", limit=_MOST, fields=("name",), archived=None)
    return Rules(
        known,
        default,
        {identity: tuple(some) for identity, some in by_type.items()},
        {target.id: target for target in everything},
        {record.id: record["name"] for record in ever.records},
    )


def _all(town: Town, identity: str) -> list[Record]:
    where = {"active": True} if identity == targets.IDENTITY else None
    return list(town.records.find(system(), identity, where, sort="id", limit=_MOST).records)
