"""Looking over what people are told, for ``townhall doctor``: placeholders that stand for nothing any more.

A placeholder is checked when its words are saved. The field that it names may go afterwards, or be kept from the
public, and then a hole is all that people read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from townhall.access.actors import system
from townhall.messages import placeholders
from townhall.messages import templates
from townhall.records import reading
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

_ROUTE = "core.route"
_MOST = 1000


def look(town: Town) -> Iterator[tuple[str, str]]:
    """Where words with such a placeholder stand, in templates and rules that are in use and in categories, each with a
    sentence about it.
    """
    for record_type in templates.types_with_messages(town.schemas):
        yield from _templates(town, record_type)
        if record_type.is_case:
            yield from _categories(town, record_type)
            yield from _rules(town, record_type)


def _templates(town: Town, record_type: RecordType) -> Iterator[tuple[str, str]]:
    where = {"type": record_type.identity, "active": True}
    for record in reading.find(town, system(), templates.TEMPLATE, where, limit=_MOST).records:
        for sentence in templates.problems(town, record_type, record.values).values():
            yield f"message “{record['subject']}”", sentence


def _categories(town: Town, record_type: RecordType) -> Iterator[tuple[str, str]]:
    link, rows = templates.category_rows(record_type)
    if not rows:
        return
    target = record_type.fields[link].target
    for record in reading.find(town, system(), target, limit=_MOST, fields=(rows,)).records:
        for line in record[rows] or ():
            if sentence := placeholders.problem(town, record_type, line.get("text") or ""):
                yield f"words of “{record.title}”", sentence


def _rules(town: Town, record_type: RecordType) -> Iterator[tuple[str, str]]:
    where = {"case_type": record_type.identity, "active": True}
    for record in reading.find(town, system(), _ROUTE, where, limit=_MOST, fields=("acknowledgement",)).records:
        if sentence := placeholders.problem(town, record_type, record["acknowledgement"] or ""):
            yield f"rule “{record.title}”", sentence
