"""What can be granted, as rows and columns: by core, by each plugin's manifest, and by each type with its moves.

A cell is one control of the page on which a role is edited. It shows how far the role reaches, whether that is said by
the cell itself or by a pattern that holds for more types, and offers what would change that.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.permissions import EVERY
from townhall.access.permissions import SCOPE_LABELS
from townhall.access.permissions import SCOPED
from townhall.access.permissions import SCOPES
from townhall.access.permissions import VERB_LABELS
from townhall.access.permissions import VERBS
from townhall.access.permissions import Scope
from townhall.access.permissions import applies
from townhall.access.permissions import fields_of
from townhall.access.permissions import moves_of
from townhall.access.permissions import narrowed
from townhall.access.permissions import pattern
from townhall.access.permissions import split
from townhall.accounts.roles import Role
from townhall.accounts.roles import town_permissions
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: What stands in a cell that says nothing of its own.
NONE = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One control: ``permission`` is what it grants, ``own`` the scope that it says, ``given`` that of a pattern.

    ``offered`` are the scopes that it may say besides none, with their labels; one that is not ``scoped`` is a tick.
    """

    permission: str
    label: str
    own: str
    given: str
    offered: Sequence[tuple[Scope, str]]
    scoped: bool

    @property
    def settled(self) -> bool:
        """Whether a pattern gives all of it, so that the cell can add nothing."""
        return self.given == "all"

    @property
    def given_label(self) -> str:
        """How far a pattern reaches, in words; ``No`` if none does."""
        return next((label for scope, label in SCOPE_LABELS.items() if scope == self.given), "No")


@dataclass(frozen=True, slots=True)
class Line:
    """One type of the matrix with its cells in the order of the verbs; the first line is about all types."""

    identity: str
    label: str
    cells: Sequence[Cell]
    #: How much more is said of it on a page of its own: its moves, and fields by name.
    more: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """The types of one plugin."""

    label: str
    lines: Sequence[Line]


def groups(town: Town, role: Role) -> list[Group]:
    """The whole matrix of a role: a group for all types, and one for the types of each plugin."""
    made = [Group("Every kind of record, also those that come later", [_every(role)])]
    by_plugin: dict[str, list[RecordType]] = {}
    for record_type in town.schemas.values():
        if not record_type.frozen:
            by_plugin.setdefault(record_type.plugin, []).append(record_type)
    for plugin, types in by_plugin.items():
        label = "Townhall" if plugin == "core" else town.plugins.title(plugin)
        made.append(Group(label, [_line(role, each) for each in sorted(types, key=lambda each: each.label_plural)]))
    return made


def details(role: Role, record_type: RecordType) -> tuple[list[Cell], list[Cell]]:
    """The moves of a type, and its internal fields by name, each a cell."""
    moves = [_cell(role, name, label, scoped=True) for name, label in moves_of(record_type)]
    fields = [_cell(role, name, label, scoped=False) for name, label in fields_of(record_type)]
    return moves, fields


def town_cells(town: Town, role: Role) -> list[Cell]:
    """What belongs to no type, each a cell."""
    return [_cell(role, name, label, scoped=False) for name, label in town_permissions(town)]


def patterns(town: Town, role: Role) -> list[str]:
    """What the role holds that no cell of any page says: patterns, and what belongs to plugins that are off."""
    shown = {cell.permission for group in groups(town, role) for line in group.lines for cell in line.cells}
    shown |= {cell.permission for cell in town_cells(town, role)}
    for record_type in town.schemas.values():
        shown |= {cell.permission for part in details(role, record_type) for cell in part}
    return sorted(each for each in role.permissions if split(each)[0] not in shown)


def in_words(town: Town, role: Role, permissions: Iterable[str]) -> list[str]:
    """What each of these permissions is called on the pages of a role; one that no page shows as it is written."""
    named = {cell.permission: cell.label for cell in town_cells(town, role)}
    for group in groups(town, role):
        for line in group.lines:
            named |= {cell.permission: f"{cell.label}, {line.label.lower()}" for cell in line.cells}
    for record_type in town.schemas.values():
        for part in details(role, record_type):
            named |= {cell.permission: f"{cell.label}, {record_type.label_plural.lower()}" for cell in part}
    said = []
    for held in sorted(permissions):
        name, scope = split(held)
        word = next((label for each, label in SCOPE_LABELS.items() if each == scope and scope != "all"), "")
        said.append(f"“{named[name]}”" + (f" ({word.lower()})" if word else "") if name in named else f"“{held}”")
    return said


def with_answers(role: Role, cells: Sequence[Cell], answers: Mapping[str, str]) -> tuple[frozenset[str], list[Cell]]:
    """What the role holds after the cells of a page were filled in, and the cells whose answer is none that they offer.

    What the page doesn't show, and what such a cell says, stays.
    """
    refused = [cell for cell in cells if not cell.settled and not _is_offered(cell, answers.get(cell.permission, NONE))]
    shown = {cell.permission for cell in cells if not cell.settled and cell not in refused}
    held = {each for each in role.permissions if split(each)[0] not in shown}
    for cell in cells:
        if cell.permission in shown and (scope := answers.get(cell.permission, NONE)):
            held.add(narrowed(cell.permission, scope))
    return frozenset(held), refused


def _is_offered(cell: Cell, answer: str) -> bool:
    return answer == NONE or answer in {scope for scope, _ in cell.offered}


def _every(role: Role) -> Line:
    cells = [_cell(role, pattern(EVERY, verb), VERB_LABELS[verb], scoped=verb in SCOPED) for verb in VERBS]
    return Line(EVERY, "Every kind of record", cells)


def _line(role: Role, record_type: RecordType) -> Line:
    cells = [
        _cell(role, pattern(record_type.identity, verb), VERB_LABELS[verb], scoped=verb in SCOPED)
        for verb in VERBS
        if applies(verb, record_type) and (verb != "transition" or any(moves_of(record_type)))
    ]
    said = [name for name, _ in (*moves_of(record_type), *fields_of(record_type))]
    more = sum(split(each)[0] in said for each in role.permissions)
    return Line(record_type.identity, record_type.label_plural, cells, more)


def _cell(role: Role, name: str, label: str, *, scoped: bool) -> Cell:
    own = max((scope for each, scope in map(split, role.permissions) if each == name), key=_place, default=NONE)
    others = frozenset(each for each in role.permissions if split(each)[0] != name)
    given = Actor("staff", "", permissions=others).reach(name) or NONE
    offered = [(scope, SCOPE_LABELS[scope]) for scope in SCOPES if _place(scope) > _place(given)]
    if not scoped:
        offered = [each for each in offered if each[0] == "all"]
    return Cell(name, label, own, given, offered, scoped)


def _place(scope: str) -> int:
    return SCOPES.index(scope) if scope in SCOPES else -1
