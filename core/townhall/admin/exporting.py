"""A list as a CSV file, streamed: what leaves the house is what the person may see, and nothing confidential."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.policy import exportable_fields
from townhall.admin import taking
from townhall.imports.csv_writing import MARK
from townhall.imports.csv_writing import csv_line
from townhall.records.figures import Slice
from townhall.records.types import Record
from townhall_forms.conditions import Condition
from townhall_forms.fields.base import LARGEST_INTEGER
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

BATCH = 500
STANDARD = ("number", "title", "state", "assignee", "queue", "due", "created", "updated", "closed")


def export_columns(actor: Actor, record_type: RecordType) -> list[str]:
    """Names of the columns of an export, standard ones first."""
    standard = [
        name for name in STANDARD if name in record_type.system_fields and (name != "number" or record_type.number)
    ]
    return ["id", *standard, *exportable_fields(actor, record_type)]


def csv_lines(
    town: Town,
    actor: Actor,
    record_type: RecordType,
    where: Condition | None,
    *,
    search: str = "",
    sort: str = "",
    archived: bool = False,
    figure: Slice | None = None,
    ids: frozenset[int] | None = None,
    filters: Sequence[str] = (),
) -> Iterator[str]:
    """The lines of the file, in parts: the first has the headings and the first records, or raises what is refused.

    A byte order mark tells spreadsheets that it is UTF-8. That it was taken is written down before the first line is
    handed out; ``filters`` say for that how the list was narrowed.
    """
    names = export_columns(actor, record_type)
    identity = record_type.identity
    most = LARGEST_INTEGER - 1
    found = town.records.count(
        actor, identity, where, search=search, archived=archived, figure=figure, cap=most, verb="export"
    )
    rows_taken = found.value if ids is None else min(len(ids), found.value)
    begin = MARK + csv_line(names)
    context = town.context(actor)
    fields = record_type.all_fields

    def cells(record: Record) -> Iterator[str]:
        for name in names:
            value = record.get(name)
            field = fields[name]
            # A queue goes by its name, like a person: another town's has another id.
            write = field.display if name == "queue" else field.to_csv
            yield "" if field.is_empty(value) else write(value, context)

    after = ""
    while True:
        page = town.records.find(
            actor,
            identity,
            where,
            search=search,
            sort=sort,
            limit=BATCH,
            after=after,
            fields=[name for name in names if name in record_type.fields],
            archived=archived,
            figure=figure,
            verb="export",
        )
        rows = [csv_line(cells(record)) for record in page.records if ids is None or record.id in ids]
        if begin:
            taking.write_down(town, actor, identity, "export", rows_taken, filters)
        if begin or rows:
            yield begin + "".join(rows)
        begin, after = "", page.after
        if not after:
            return
