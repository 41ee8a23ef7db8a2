"""What core and plugins hand each other in hooks: plain values, no live database objects."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import date
from datetime import datetime
from typing import Any
from typing import Literal

from townhall_forms.schema import Tone

Action = Literal["create", "update", "transition", "archive", "restore"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one record, about to be made or just made.

    ``before`` holds the old values (empty for a new record), ``values`` all values as they will stand, both of the
    declared fields; ``standard_before`` and ``standard`` hold those of the standard fields that the type has, such as
    ``assignee`` and ``due``. ``actor`` is the :class:`townhall.access.actors.Actor` who makes it. ``transition`` names
    the move between states, if it is one: an undo puts a state back by none, and is an ``update``. ``message`` is what
    was written to the citizen with it. ``version`` counts the record's changes, this one among them.
    """

    identity: str
    action: Action
    actor: Any
    values: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None
    state: str = ""
    old_state: str = ""
    transition: str = ""
    contact_id: int | None = None
    standard: Mapping[str, Any] = field(default_factory=dict)
    standard_before: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    version: int = 1
    #: What a domain of core hands on from ``before_save`` to ``written`` of the same change; none of a plugin's.
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def changed(self, name: str) -> bool:
        """Whether the field called ``name``, declared or standard, has another value than before."""
        if name in self.values or name in self.before:
            return self.before.get(name) != self.values.get(name)
        return self.standard_before.get(name) != self.standard.get(name)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where a case that comes in goes, as the hook ``route_case`` says: what is left out, others decide.

    ``queue`` is the id of a record of ``core.queue``, ``assignee`` that of somebody who works here, ``priority`` a
    value of the type's choice field ``priority``. ``reason`` says why in a few words; colleagues read it on the case.
    """

    queue: int | None = None
    assignee: int | None = None
    priority: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PanelRow:
    """One line of a panel: a text, perhaps a record that it leads to, and a quiet second line."""

    text: str
    identity: str = ""
    id: int | None = None
    note: str = ""
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A titled sheet that a plugin adds to a record's page.

    ``problem`` is set by Townhall, instead of rows, when the plugin failed; ``plugin`` is set by Townhall too.
    """

    label: str
    rows: Sequence[PanelRow] = ()
    facts: Sequence[tuple[str, str]] = ()
    note: str = ""
    empty: str = ""
    plugin: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something on the public home page: what, in a few words, a sentence more, and from when it is news.

    ``path`` is a page of this site that it leads to, beginning with ``/``.
    """

    title: str
    text: str = ""
    day: date | None = None
    path: str = ""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something on the calendar that is no record of its own, such as the day on which a round closes.

    ``identity`` and ``id`` name the record that it belongs to; only who may see that sees it. Without a time of day in
    ``at`` (a date) it is a whole day.
    """

    title: str
    at: date | datetime
    identity: str
    id: int
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the doctor looked at: whether it is ``good``, and a sentence with what to do if not."""

    subject: str
    good: bool
    message: str
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """Something to know before picking up the phone, shown beside a record's title."""

    label: str
    help: str = ""
    tone: Tone = "live"
    plugin: str = ""
