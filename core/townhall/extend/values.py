"""What core and plugins hand each other in hooks: plain values, no live database objects."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
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
    the move between states, if it is one; ``message`` is what was written to the citizen with it. ``version`` counts
    the record's changes, this one among them.
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

    def changed(self, name: str) -> bool:
        """Whether the field called ``name``, declared or standard, has another value than before."""
        if name in self.values or name in self.before:
            return self.before.get(name) != self.values.get(name)
        return self.standard_before.get(name) != self.standard.get(name)


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
class Flag:
    """Something to know before picking up the phone, shown beside a record's title."""

    label: str
    help: str = ""
    tone: Tone = "live"
    plugin: str = ""
