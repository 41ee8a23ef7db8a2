"""Groups of a page's cases: by a field of their type, or by their types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
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


def counted(asked: Asked, wanted: Slice) -> Mapping[str, int]:
    """How many records of a slice each group has."""
    town, actor = asked.desk.town, asked.actor
    if asked.by == TYPE:
        return {type_.identity: figures.count(town, actor, type_.identity, wanted) for type_ in asked.types}
    total: Counter[str] = Counter()
    for type_ in asked.types:
        total.update(figures.counted(town, actor, type_.identity, wanted, asked.by))
    return total


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
    if asked.by == TYPE:
        return asked.link(wanted, identity=group.value)
    return asked.link(wanted.of_group(asked.by, group.value))


def label(asked: Asked) -> str:
    """What the cases are grouped by."""
    return next((each.label for each in asked.groupings if each.name == asked.by), "Type")


def words(label: str) -> str:
    """A label within a sentence: ``team``, ``“What is it about?”``."""
    return f"“{label}”" if label.endswith("?") else f"{label[:1].lower()}{label[1:]}"
