"""Groups of a page's cases: by a field of their type, or by their types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from townhall.admin.figures.asking import Asked
from townhall.records import figures
from townhall.records.figures import Slice

TYPE = "type"
#: Most groups that a table has; the others are left to the CSV file of the list.
MOST = 40


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its value in slices, and what it is called."""

    value: str
    label: str


def counted(asked: Asked, wanted: Sequence[Slice]) -> list[Mapping[str, int]]:
    """How many records of each slice each group has."""
    town, actor = asked.desk.town, asked.actor
    if asked.by == TYPE:
        names = [type_.identity for type_ in asked.types]
        numbers_of = [figures.count_each(town, actor, name, wanted, asked.moves(name)) for name in names]
        return [dict(zip(names, numbers, strict=True)) for numbers in zip(*numbers_of, strict=True)]
    totals = [Counter[str]() for _ in wanted]
    for type_ in asked.types:
        moves = asked.moves(type_.identity)
        found = figures.counted_each(town, actor, type_.identity, wanted, asked.by, moves)
        for total, counts in zip(totals, found, strict=True):
            total.update(counts)
    return [*totals]


def named(asked: Asked, values: Iterable[str]) -> list[Group]:
    """The groups with these values, under their names."""
    wanted = list(values)
    if asked.by == TYPE:
        labels: Mapping[str, str] = {type_.identity: type_.label_plural for type_ in asked.types}
    else:
        labels = figures.labels(asked.desk.town, asked.actor, asked.types[0].identity, asked.by, wanted)
    return [Group(value, labels[value]) for value in wanted if value in labels]


def link(asked: Asked, wanted: Slice, group: Group) -> str:
    """Where the records of one group of a slice are."""
    mine, identity = part(asked, wanted, group)
    return asked.link(mine, identity=identity)


def part(asked: Asked, wanted: Slice, group: Group) -> tuple[Slice, str]:
    """One group of a slice, and the type that it is of if groups are types."""
    return (wanted, group.value) if asked.by == TYPE else (wanted.of_group(asked.by, group.value), "")


def label(asked: Asked) -> str:
    """What the cases are grouped by."""
    return next((each.label for each in asked.groupings if each.name == asked.by), "Type")


def words(label: str) -> str:
    """A label within a sentence: ``team``, ``“What is it about?”``."""
    return f"“{label}”" if label.endswith("?") else f"{label[:1].lower()}{label[1:]}"
