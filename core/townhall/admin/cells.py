"""The cells of a list: for each column of a type, one small function that turns a record into a table cell.

The functions are made once per type and column, and write plain strings: fifty rows of seven columns have to cost no
more than a millisecond or two.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

from markupsafe import Markup

from townhall.admin import urls
from townhall.presentation import Marks
from townhall.presentation import Presenter
from townhall.presentation import escaped
from townhall.records.types import Record
from townhall_forms.context import Context
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

#: Longer text is cut in a list; the record's page has all of it.
LONGEST = 120
#: Field types whose cells are set to the end of the line, like sums in a ledger.
NUMBERS = frozenset({"integer", "decimal", "money", "percent"})
#: Field types whose values are short enough to stay on one line.
SHORT = frozenset({"date", "datetime", "time", "phone", "year"})

Inner = Callable[[Record, "PageOfCells"], str]
Read = Callable[[Record], Any]


#: Most queues whose names a list shows.
MOST_QUEUES = 500


@dataclass(frozen=True)
class Column:
    """One column of a list: its heading, and how a record's cell is written."""

    path: str
    label: str
    sort: str
    css: str
    write: Inner
    is_title: bool = False
    reads: tuple[str, ...] = ()


class PageOfCells:
    """What the cells of one page share: the actor's view of the town, and names looked up once."""

    def __init__(self, context: Context, presenter: Presenter, marks: Marks) -> None:
        self.context = context
        self.presenter = presenter
        self.marks = marks

    @cached_property
    def staff(self) -> dict[int, str]:
        """Names of the people who work here."""
        return {option.id: escaped(option.title) for option in self.context.staff()}

    @cached_property
    def queues(self) -> dict[int, str]:
        """Names of the queues."""
        return {option.id: cut(option.title) for option in self.context.options("core.queue", None, "", MOST_QUEUES)}


def cut(text: str) -> str:
    """Text for a cell, shortened at a word and escaped."""
    if len(text) > LONGEST:
        text = text[:LONGEST].rsplit(" ", 1)[0] + "…"
    return escaped(text)


class CellMaker:
    """Makes the columns of one type and keeps them."""

    def __init__(self, schemas: Schemas, record_type: RecordType) -> None:
        self._schemas = schemas
        self._type = record_type
        self._made: dict[str, Column | None] = {}
        self._base = urls.list_url(record_type.identity)

    def columns(self, paths: Iterable[str]) -> tuple[Column, ...]:
        """The columns at ``paths``; what isn't there (any more) is left out."""
        found = (self.column(path) for path in paths)
        return tuple(column for column in found if column is not None)

    def column(self, path: str) -> Column | None:
        """The column at ``path``, or ``None``."""
        if path not in self._made:
            if len(self._made) > 500:
                self._made.clear()
            self._made[path] = self._make(path)
        return self._made[path]

    def _make(self, path: str) -> Column | None:
        resolved = self._schemas.resolve(self._type, path)
        if resolved is None or resolved.answer or resolved.second is not None:
            return None
        field = resolved.field
        sort = path if field.sortable and not field.outside else ""
        if path == "title":
            return Column(path, field.label, sort, "cell-main", self._title(), is_title=True)
        css = "end" if field.type_name in NUMBERS and path != "id" else ""
        if path in ("state", "due"):
            css = "cell-bare"
        elif field.type_name in SHORT:
            css = "nowrap"
        return Column(path, field.label, sort, css, writer(path, field, self._type), reads=_read_for(field))

    def _title(self) -> Inner:
        base = self._base
        pattern = self._type.number

        def write(record: Record, page: PageOfCells) -> str:
            sub = f'<span class="cell-sub">{escaped(record.number)}</span>' if pattern else ""
            return f'<a class="cell-title" href="{base}{record.id}/">{escaped(record.title)}</a>{sub}'

        return write


def _read_for(field: Field) -> tuple[str, ...]:
    """What has to be read for a field's cell: of rows, only the columns that the cell goes by."""
    first = next(iter(field.row_fields), None)
    return (field.name,) if first is None else (f"{field.name}.{first}", f"{field.name}.primary")


def writer(path: str, field: Field, record_type: RecordType) -> Inner:
    """The function that writes the inside of a cell of ``field``."""
    standard = path in record_type.system_fields
    special = _STANDARD.get(path) if standard else None
    if special is not None:
        return special
    read = attrgetter(path) if standard else _declared(path)
    return _BY_TYPE.get(field.type_name, _plain)(read, field)


def _declared(name: str) -> Read:
    """How the value of a declared field is read; one that this person may not see has none."""

    def read(record: Record) -> Any:
        return record.values.get(name)

    return read


def _plain(read: Read, field: Field) -> Inner:
    def write(record: Record, page: PageOfCells) -> str:
        value = read(record)
        return "" if field.is_empty(value) else cut(field.display(value, page.context))

    return write


def _choice(read: Read, field: Field) -> Inner:
    labels = {choice.value: escaped(choice.label) for choice in field.choices}

    def write(record: Record, page: PageOfCells) -> str:
        value = read(record)
        if value is None:
            return ""
        known = labels.get(value)
        return known if known is not None else escaped(field.display(value, page.context))

    return write


def _boolean(read: Read, field: Field) -> Inner:
    def write(record: Record, page: PageOfCells) -> str:
        value = read(record)
        return "" if value is None else "Yes" if value else "No"

    return write


def _text(read: Read, field: Field) -> Inner:
    def write(record: Record, page: PageOfCells) -> str:
        value = read(record)
        return cut(value) if value else ""

    return write


def _date(read: Read, field: Field) -> Inner:
    def write(record: Record, page: PageOfCells) -> str:
        return page.presenter.day(read(record))

    return write


def _datetime(read: Read, field: Field) -> Inner:
    def write(record: Record, page: PageOfCells) -> str:
        return page.presenter.moment(read(record))

    return write


def _seen(read: Read) -> Inner:
    def write(record: Record, page: PageOfCells) -> str:
        return page.presenter.seen(read(record))

    return write


def _link(read: Read, field: Field) -> Inner:
    target = field.target

    def write(record: Record, page: PageOfCells) -> str:
        value = read(record)
        return "" if value is None else cut(record.titles.get((target, value), ""))

    return write


def _links(read: Read, field: Field) -> Inner:
    target = field.target

    def write(record: Record, page: PageOfCells) -> str:
        return cut(", ".join(record.titles.get((target, id), "") for id in read(record) or ()))

    return write


def _reference(read: Read, field: Field) -> Inner:
    def write(record: Record, page: PageOfCells) -> str:
        value = read(record)
        return "" if value is None else cut(record.titles.get((value.identity, value.id), str(value)))

    return write


def _staff(read: Read, field: Field) -> Inner:
    def write(record: Record, page: PageOfCells) -> str:
        value = read(record)
        if value is None:
            return ""
        return page.staff.get(value, "Somebody who left")

    return write


def _queue(record: Record, page: PageOfCells) -> str:
    return "" if record.queue is None else page.queues.get(record.queue, "")


def _files(read: Read, field: Field) -> Inner:
    def write(record: Record, page: PageOfCells) -> str:
        value = read(record) or ()
        return str(len(value)) if isinstance(value, tuple) and value else ("1" if value else "")

    return write


def _rows(read: Read, field: Field) -> Inner:
    """The first row's first column (the one marked ``primary`` if there is one) and how many more there are."""
    first = next(iter(field.row_fields.values()), None)
    if first is None:
        return lambda record, page: ""
    name, display = first.name, first.display

    def write(record: Record, page: PageOfCells) -> str:
        rows: Sequence[Any] = read(record)
        if not rows:
            return ""
        row, more = rows[0], ""
        if len(rows) > 1:
            row = next((row for row in rows if row.get("primary")), row)
            more = f' <span class="muted small">and {len(rows) - 1} more</span>'
        value = row.get(name)
        text = "" if value is None else cut(display(value, page.context))
        return f'<span class="nowrap">{text}</span>{more}'

    return write


def _state(record: Record, page: PageOfCells) -> str:
    return str(page.marks.record_pill(record))


def _due(record: Record, page: PageOfCells) -> str:
    return str(page.marks.due(record))


def _number(record: Record, page: PageOfCells) -> str:
    return f'<span class="number nowrap">{escaped(record.number)}</span>'


_BY_TYPE: dict[str, Callable[[Read, Field], Inner]] = {
    "choice": _choice,
    "boolean": _boolean,
    "text": _text,
    "longtext": _text,
    "email": _text,
    "date": _date,
    "datetime": _datetime,
    "link": _link,
    "links": _links,
    "reference": _reference,
    "staff": _staff,
    "file": _files,
    "files": _files,
    "rows": _rows,
}

_STANDARD: dict[str, Inner] = {
    "state": _state,
    "due": _due,
    "number": _number,
    "created": _seen(attrgetter("created")),
    "updated": _seen(attrgetter("updated")),
    "closed": _seen(attrgetter("closed")),
    "archived": _seen(attrgetter("archived")),
    "queue": _queue,
    "assignee": _staff(attrgetter("assignee"), None),  # type: ignore[arg-type]
}


def write_rows(
    records: Iterable[Record], columns: Sequence[Column], page: PageOfCells, picked: frozenset[int], pick: bool
) -> Markup:
    """The rows of a list as HTML: a box to pick the row, then a cell for each column."""
    plan = [(column.write, *_around(column)) for column in columns]
    made: list[str] = []
    for record in records:
        id = record.id
        chosen = id in picked
        made.append('<tr role="row" class="is-picked">' if chosen else '<tr role="row">')
        if pick:
            made.append(
                '<td role="cell" class="cell-pick"><label class="pick"><input type="checkbox" name="pick" '
                f'value="{id}"{" checked" if chosen else ""}><span class="hide">Select '
                f"{escaped(record.number or record.title)}</span></label></td>"
            )
        for write, opening, closing, nothing in plan:
            inner = write(record, page)
            made += (opening, inner, closing) if inner else (nothing,)
        made.append("</tr>\n")
    return Markup("".join(made))  # noqa: S704 - every part above is escaped or our own


def _around(column: Column) -> tuple[str, str, str]:
    """What stands before and after the inside of a column's cells, and the cell that has nothing inside."""
    if column.is_title:
        wide = " cell-wide" if column.path == "title" else ""
        opening = f'<th role="rowheader" scope="row" class="cell-main{wide}">'
        return opening, "</th>", f"{opening}</th>"
    css = f' class="{column.css}"' if column.css else ""
    opening = f'<td role="cell"{css} data-label="{escaped(column.label)}"><span>'
    return opening, "</span></td>", '<td role="cell" class="cell-none"></td>'
