"""What the town decided about each plugin and what it keeps of it, in the table ``plugin_state``.

Kept are the texts of its schemas and the essentials of its manifest, as they were when it last ran: from them its
records stay readable when none of its files is there any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from datetime import datetime
from typing import Any

from townhall.db.system import SystemTables


@dataclass(frozen=True, slots=True)
class Essentials:
    """What of a plugin's manifest and code must be known when both are gone.

    ``restricted`` says that its code decides who may read its records. ``stand_ins`` names for each field type of its
    own the built-in type that reads the values.
    """

    title: str = ""
    description: str = ""
    icon: str = "note"
    author: str = ""
    navigation_label: str = ""
    navigation_order: int = 100
    requires: tuple[str, ...] = ()
    restricted: bool = False
    stand_ins: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """The text that is kept."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Essentials:
        """The essentials in a text that :meth:`as_json` made, perhaps that of another version."""
        given = json.loads(text or "{}")
        known = {each.name: given[each.name] for each in fields(cls) if each.name in given}
        return cls(**{**known, "requires": tuple(known.get("requires", ()))})

    @classmethod
    def checked(cls, given: Mapping[str, Any]) -> Essentials:
        """The essentials in data that anybody may have made. Raises :class:`TypeError` if it is odd."""
        told = cls.from_json(json.dumps(dict(given)))
        texts = (told.title, told.description, told.icon, told.author, told.navigation_label, *told.requires)
        stand_ins = (*told.stand_ins.keys(), *told.stand_ins.values())
        if not all(isinstance(text, str) for text in (*texts, *stand_ins)):
            raise TypeError("a text was expected")
        if type(told.navigation_order) is not int or type(told.restricted) is not bool:
            raise TypeError("a number or a truth was expected")
        return told


@dataclass(frozen=True, slots=True)
class State:
    """One plugin's row: whether the town wants it on, why it doesn't run although wanted, and what is kept of it.

    ``decides`` is a JSON list of the types about which its code decides, ``null`` if about none; empty until it ran.
    """

    name: str
    enabled: bool
    reason: str
    version: str
    changed_by: str
    changed_at: int = 0
    schemas: Mapping[str, str] = field(default_factory=dict)
    essentials: Essentials = Essentials()
    decides: str = ""

    @property
    def title(self) -> str:
        """What to call the plugin on screen."""
        return self.essentials.title or self.name


def read(system: SystemTables) -> dict[str, State]:
    """Every plugin that was ever switched, by name."""
    table: Any = system.plugin_state
    query = table.select(
        table.name, table.enabled, table.reason, table.version, table.changed_by, table.changed_at,
        table.schemas, table.essentials, table.decides,
    )  # fmt: skip
    found: dict[str, State] = {}
    for row in query.order_by(table.name).tuples():
        name, enabled, reason, version, changed_by, changed_at, schemas, essentials, decides = row
        kept = (json.loads(schemas or "{}"), Essentials.from_json(essentials), decides)
        found[name] = State(name, enabled, reason, version, changed_by, changed_at, *kept)
    return found


def enabled(system: SystemTables) -> frozenset[str]:
    """Names of the plugins that the town wants on."""
    table: Any = system.plugin_state
    return frozenset(name for (name,) in table.select(table.name).where(table.enabled).tuples())


def note_problems(system: SystemTables, problems: Mapping[str, str]) -> None:
    """Keep why plugins that are wanted don't run; writes only what changed."""
    table = system.plugin_state
    for state in read(system).values():
        reason = problems.get(state.name, "") if state.enabled else ""
        if reason != state.reason:
            table.update(reason=reason).where(table.name == state.name).execute()


def note_decisions(system: SystemTables, decides: Mapping[str, Sequence[str] | None]) -> None:
    """Keep about which types the code of each plugin decides, for when it can't be asked; writes only what changed."""
    table = system.plugin_state
    for state in read(system).values():
        if state.name in decides and (text := json.dumps(decides[state.name])) != state.decides:
            table.update(decides=text).where(table.name == state.name).execute()


def switch(system: SystemTables, name: str, on: bool, *, at: datetime, by: str) -> None:
    """Keep that a plugin was switched on or off, when and by whom."""
    table = system.plugin_state
    values = {
        table.enabled: on,
        table.reason: "",
        table.changed_at: int(at.timestamp() * 1_000_000),
        table.changed_by: by,
    }
    table.insert({**values, table.name: name}).on_conflict(conflict_target=[table.name], update=values).execute()


def keep(system: SystemTables, name: str, *, version: str, schemas: Mapping[str, str], essentials: Essentials) -> None:
    """Keep what a plugin is that runs."""
    table = system.plugin_state
    values = {
        table.version: version,
        table.schemas: schemas_text(schemas),
        table.essentials: essentials.as_json(),
    }
    table.insert({**values, table.name: name}).on_conflict(conflict_target=[table.name], update=values).execute()


def schemas_text(schemas: Mapping[str, str]) -> str:
    """Schemas, by the names of their files, as one text: the same schemas always give the same text."""
    return json.dumps(dict(schemas), ensure_ascii=False, sort_keys=True)


def applied(system: SystemTables, name: str) -> tuple[str, str]:
    """Version and schemas that a plugin's tables were last brought up to date with; empty if they never were."""
    table = system.plugin_state
    row = table.select(table.version, table.schemas).where(table.name == name).tuples().first()
    return (row[0], row[1]) if row is not None else ("", "")


def keep_applied(system: SystemTables, name: str, *, version: str, schemas: str) -> None:
    """Keep which version and which schemas a plugin's tables now have; it must have been switched before."""
    table = system.plugin_state
    table.update(version=version, schemas=schemas).where(table.name == name).execute()


def forget(system: SystemTables, name: str) -> None:
    """Forget a plugin whose records are gone."""
    table = system.plugin_state
    table.delete().where(table.name == name).execute()
