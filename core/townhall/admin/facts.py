"""A record's values as facts on a page: section by section, with who may see each, and masks where nobody may yet."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING
from typing import Any

from markupsafe import Markup
from markupsafe import escape

from townhall.admin import urls
from townhall.records.types import Record
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field
from townhall_forms.schema import Section
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter
from townhall_forms.wording import UNSEEN

if TYPE_CHECKING:
    from townhall.presentation import Presenter

FILES = frozenset({"file", "files"})
NOTHING = Markup("")


@dataclass(frozen=True, slots=True)
class Fact:
    """One field with its value as HTML. ``masked`` can be revealed, ``hidden`` may never be seen by this person."""

    name: str
    label: str
    html: Markup = NOTHING
    privacy: str = "internal"
    masked: bool = False
    hidden: bool = False
    reveal_url: str = ""


@dataclass(frozen=True, slots=True)
class FactTable:
    """Rows of a ``rows`` field."""

    name: str
    label: str
    headings: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[tuple[str, str, Markup]]]
    privacy: str


@dataclass(slots=True)
class FactSection:
    """A titled group of facts."""

    name: str
    label: str
    facts: list[Fact] = dataclass_field(default_factory=list)
    tables: list[FactTable] = dataclass_field(default_factory=list)


class FactWriter:
    """Writes the facts of one record for one page."""

    def __init__(self, context: Context, presenter: Presenter) -> None:
        self._context = context
        self._presenter = presenter

    def sections(self, record: Record, *, leave: Iterable[str] = ()) -> list[FactSection]:
        """The record's sections that have something in them."""
        left = frozenset(leave) | self._beside_the_point(record) | out_of_sight(record)
        made = []
        for section in record.type.sections:
            built = self.section(record, section, left)
            if built.facts or built.tables:
                made.append(built)
        return made

    def _beside_the_point(self, record: Record) -> frozenset[str]:
        """Masked fields that the record, as it stands, doesn't ask for."""
        secret = [record.type.fields[name] for name in record.masked | record.hidden if name in record.type.fields]
        rules = [field for field in secret if field.show_if is not None]
        if not rules:
            return frozenset()
        get = value_getter(record.type, record.values, self._context)
        now = environment_of(self._context)
        return frozenset(field.name for field in rules if field.show_if and not field.show_if.evaluate(get, now))

    def section(self, record: Record, section: Section, left: frozenset[str]) -> FactSection:
        """One section of a record."""
        built = FactSection(section.name, section.label)
        for name in section.fields:
            field = record.type.fields.get(name)
            if field is None or name in left:
                continue
            if name in record.masked or name in record.hidden:
                built.facts.append(_secret(record, name, field.label, field.privacy))
            elif field.type_name in FILES:
                continue
            elif field.type_name == "answers" and record.values.get(name) is not None:
                built.facts.extend(fact for fact in self.answers(record, field) if fact.name not in left)
            elif field.is_empty(record.values.get(name)) or _still_zero(field, record.values[name]):
                continue
            elif field.row_fields:
                built.tables.append(self.table(record, field))
                built.facts += [
                    _secret(record, f"{name}.{column.name}", f"{field.label}: {column.label}", column.privacy)
                    for column in field.row_fields.values()
                    if f"{name}.{column.name}" in (record.masked | record.hidden) - left
                ]
            else:
                built.facts.append(
                    Fact(name, field.label, self.html(record, field, record.get(field.name)), field.privacy)
                )
        return built

    # -- values -----------------------------------------------------------------------------------------------

    def html(self, record: Record, field: Field, value: Any) -> Markup:
        """A value of a field as HTML."""
        if field.is_empty(value):
            return Markup("")
        if field.type_name == "reference":
            return self.link(record, value.identity, value.id)
        if field.type_name == "link":
            return self.link(record, field.target, value)
        if field.type_name == "links":
            return Markup(", ").join(self.link(record, field.target, id) for id in value)
        if field.type_name in ("phone", "email", "url"):
            return reachable(field.type_name, str(value), field.display(value, self._context))
        if field.type_name == "place":
            return Markup('<a href="geo:{},{}" class="number">{}</a>').format(
                value.latitude, value.longitude, field.display(value, self._context)
            )
        if field.type_name == "date":
            return escape(self._presenter.day(value))
        if field.type_name == "datetime":
            return escape(self._presenter.moment(value))
        return Markup("<br>").join(field.display(value, self._context).splitlines())

    def words(self, record: Record, field: Field, value: Any) -> Markup:
        """A value of any kind in a short form: rows and files are counted."""
        if value is None:
            return Markup("")
        if field.privacy == "confidential":
            return escape(str(value))  # whoever reads history gets a mask
        if field.is_empty(value):
            return Markup("")
        try:
            bound = field.bind(record.values, self._context)
            if field.type_name == "answers" and isinstance(value, Mapping):
                value = bound.parse(value, self._context)
            if field.row_fields or field.type_name in (*FILES, "answers"):
                return escape(bound.display(value, self._context))
            return self.html(record, field, value)
        except (Invalid, AttributeError, KeyError, TypeError, ValueError):
            return escape(str(value))  # kept by an older version of the field, which this one can't read

    def fully(self, record: Record, field: Field, value: Any) -> Markup:
        """A value of any kind with all that is in it: each row and each answer on a line of its own."""
        if value is None or field.privacy == "confidential" or field.is_empty(value):
            return self.words(record, field, value)
        return self.in_lines(record, field, value)

    def in_lines(self, record: Record, field: Field, value: Any) -> Markup:
        """Like :meth:`fully`, for a value that somebody may see although it is confidential."""
        if field.is_empty(value):
            return Markup("")
        try:
            if field.row_fields:
                lines = [
                    ", ".join(
                        column.display(row[column.name], self._context)
                        for column in field.row_fields.values()
                        if not column.is_empty(row.get(column.name))
                    )
                    for row in value
                ]
                return Markup("<br>").join(lines)
            if field.type_name == "answers":
                bound: Any = field.bind(record.values, self._context)
                told = ((each.label, each.display(answer, self._context)) for each, answer in bound.entries(value))
                return Markup("<br>").join(f"{label}: {answer}" for label, answer in told)
            if field.type_name in FILES:
                return escape(field.display(value, self._context))
        except (Invalid, AttributeError, KeyError, TypeError, ValueError):
            return escape(str(value))
        return self.html(record, field, value)

    def link(self, record: Record, identity: str, id: int) -> Markup:
        """A link to another record by its title."""
        title = record.titles.get((identity, id))
        if title is None:
            title = self._context.titles(identity, [id]).get(id)
        if title is None:
            return Markup('<span class="muted">{}</span>').format(UNSEEN)
        return Markup('<a href="{}">{}</a>').format(urls.record_url(identity, id), title or "Without a title")

    def answers(self, record: Record, field: Field) -> list[Fact]:
        """The answers to questions that clerks wrote, each as a fact of its own."""
        bound: Any = field.bind(record.values, self._context)
        answers = record.values[field.name]
        shown = [
            Fact(
                f"{field.name}.{question.name}",
                question.label,
                Markup("<br>").join(question.display(answer, self._context).splitlines()),
                question.privacy,
            )
            for question, answer in bound.entries(answers)
        ]
        secret = record.masked | record.hidden
        return shown + [
            _secret(record, f"{field.name}.{code}", question.label, question.privacy)
            for code, question in bound.fields(answers.version).items()
            if f"{field.name}.{code}" in secret
        ]

    def table(self, record: Record, field: Field) -> FactTable:
        """The rows of a ``rows`` field, without the columns that are empty in all of them."""
        rows: Sequence[Mapping[str, Any]] = record.values[field.name]
        columns = [c for c in field.row_fields.values() if any(not c.is_empty(row.get(c.name)) for row in rows)]
        ends = ("integer", "decimal", "money", "percent")
        headings = [(column.label, "end" if column.type_name in ends else "") for column in columns]
        cells = [
            [
                (
                    column.label,
                    "end" if column.type_name in ends else "",
                    self.html(record, column, row[column.name]) if row.get(column.name) is not None else Markup(""),
                )
                for column in columns
            ]
            for row in rows
        ]
        return FactTable(field.name, field.label, headings, cells, field.privacy)


def out_of_sight(record: Record) -> frozenset[str]:
    """What is not even named to somebody who doesn't read what is internal: it is no business of theirs."""
    fields = record.type.fields
    narrow = any(name in fields and fields[name].privacy == "internal" for name in record.hidden)
    return record.hidden if narrow else frozenset()


def _secret(record: Record, path: str, label: str, privacy: str) -> Fact:
    """A value that is not shown: with the way to reveal it for whoever may, for others without."""
    if path not in record.masked:
        return Fact(path, label, privacy=privacy, hidden=True)
    url = urls.record_url(record.identity, record.id, f"reveal/{path}")
    return Fact(path, label, privacy="confidential", masked=True, reveal_url=url)


def _still_zero(field: Field, value: Any) -> bool:
    """Whether a counter stands where every record's begins: it says nothing."""
    return field.type_name == "integer" and value == 0 and field.default == 0


def reachable(kind: str, value: str, words: str) -> Markup:
    """A phone number, e-mail address or web address that can be followed."""
    if kind == "phone":
        return Markup('<a href="tel:{}"><bdi>{}</bdi></a>').format(value, words)
    if kind == "email":
        return Markup('<a href="mailto:{}">{}</a>').format(value, words)
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(value, words)
