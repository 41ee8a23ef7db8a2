"""Public lists and pages: records that fulfil their type's ``public_if``, and of those only public fields."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from flask import Blueprint
from flask import Response
from flask import abort
from flask import render_template
from flask import request
from flask import url_for
from markupsafe import Markup

from townhall.access.actors import ANONYMOUS
from townhall.current import current_town
from townhall.downloads import stored_file
from townhall.errors import TownhallError
from townhall.portal import services
from townhall.portal.visitor import visiting
from townhall_forms.conditions import Condition
from townhall_forms.conditions import parse_condition
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.base import Field
from townhall_forms.kinds import OPERATORS
from townhall_forms.kinds import kind_of
from townhall_forms.kinds import resolver
from townhall_forms.schema import PublicOptions
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.access.actors import Actor
    from townhall.records.types import Record
    from townhall.town import Town

PAGE = 20
#: Options that a filter over a link offers at most.
FILTER_OPTIONS = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a public list. Without ``options`` it is a line of text."""

    name: str
    label: str
    value: str
    options: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One label and what stands beside it."""

    label: str
    html: str | Markup


def listing(plugin: str, name: str) -> str:
    """The public list of a type."""
    town = current_town()
    record_type, public = _public_type(town, plugin, name)
    fields = [field for field in _fields(record_type, public.filters) if "eq" in OPERATORS[kind_of(field)]]
    filters = [_filter(town, record_type, field) for field in fields]
    columns = [field for field in _fields(record_type, public.columns) if not _is_title(record_type, field)]
    where, problem = _where(town, record_type, filters)
    page = town.records.find(
        ANONYMOUS,
        record_type.identity,
        _narrowed(town, record_type, public.where, where),
        sort=public.sort,
        limit=PAGE,
        after=request.args.get("after", ""),
        before=request.args.get("before", ""),
    )
    context = town.context(ANONYMOUS)
    for field in columns:
        # One query for the titles of a whole column, and not one for each row.
        points = [point for record in page.records for point in field.references(record.get(field.name))]
        for identity in {identity for identity, _ in points}:
            context.titles(identity, [id for one, id in points if one == identity])
    rows = [
        (record, [Fact(field.label, shown(context, record, field, short=True)) for field in columns])
        for record in page.records
    ]
    kept = {one.name: one.value for one in filters if one.value}
    return render_template(
        "portal/listing.html",
        record_type=record_type,
        public=public,
        filters=filters,
        columns=columns,
        rows=rows,
        problem=problem,
        filtered=bool(kept),
        newer=_page_url(record_type, kept, "before", page.before),
        older=_page_url(record_type, kept, "after", page.after),
    )


def entry(plugin: str, name: str, id: int) -> str:
    """The public page of one record."""
    town = current_town()
    record_type, public = _public_type(town, plugin, name)
    record = town.records.get(ANONYMOUS, record_type.identity, id)
    return render_template(
        "portal/entry.html",
        record_type=record_type,
        public=public,
        record=record,
        facts=facts(town, ANONYMOUS, record, public.fields),
        apply_url=_apply_url(town, record),
    )


def file(id: int) -> Response:
    """A file of a record that the visitor may see."""
    town = current_town()
    stored, path = town.records.open_file(visiting(town), id)
    return stored_file(stored, path, show=False)


def facts(town: Town, actor: Actor, record: Record, names: Iterable[str]) -> list[Fact]:
    """Labels and values of the fields that the actor may see and that are not empty."""
    context = town.context(actor)
    found: list[Fact] = []
    for field in _fields(record.type, names):
        if field.name not in record.hidden:
            found += facts_of(context, record, field)
    return found


def facts_of(context: Context, record: Record, field: Field) -> list[Fact]:
    """The label and value of a field; of answers, each question and its answer."""
    bound = field.bind(record.values, context)
    if isinstance(bound, AnswersField):
        return answered(bound, record.get(field.name), context)
    html = shown(context, record, field)
    return [Fact(field.label, html)] if html else []


def answered(field: AnswersField, value: Any, context: Context) -> list[Fact]:
    """Each question that was answered, and the answer."""
    found = ((one.label, shown_value(one, answer, context)) for one, answer in field.entries(value))
    return [Fact(label, html) for label, html in found if html]


def shown(context: Context, record: Record, field: Field, *, short: bool = False) -> str | Markup:
    """A field's value as it stands on a public page; states in the public's words."""
    if field.name == "state" and record.type.workflow is not None:
        state = record.type.workflow.states.get(record.state)
        return (state.public_label or state.label) if state is not None else ""
    return shown_value(field.bind(record.values, context), record.get(field.name), context, short=short, linked=True)


def shown_value(
    field: Field, value: Any, context: Context, *, short: bool = False, linked: bool = False
) -> str | Markup:
    """A value as HTML: files by name (or as links), rows as a small table, text with its line breaks."""
    if value is None or field.is_empty(value):
        return ""
    if field.type_name in ("file", "files"):
        files = value if isinstance(value, tuple) else (value,)
        if short:
            return str(len(files))
        link = Markup('<a href="{}">{}</a>')
        return Markup("<br>").join(
            link.format(url_for("portal.file", id=one.id), one.filename) if linked else one.filename for one in files
        )
    if field.row_fields and not short:
        return _table(field, value, context)
    if field.type_name == "url":
        return Markup('<a href="{}" rel="noreferrer noopener">{}</a>').format(value, value)
    return Markup("<br>").join(field.display(value, context).splitlines())


def _table(field: Field, rows: Sequence[dict[str, Any]], context: Context) -> Markup:
    columns = [column for name, column in field.row_fields.items() if any(row.get(name) is not None for row in rows)]
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(column.label) for column in columns)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup("<td>{}</td>").format(column.display(row.get(column.name), context)) for column in columns
            )
        )
        for row in rows
    )
    return Markup(
        '<div class="table-wrap" role="region" aria-label="{}" tabindex="0"><table class="table">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(field.label, head, body)


def _public_type(town: Town, plugin: str, name: str) -> tuple[RecordType, PublicOptions]:
    record_type = town.schemas.get(f"{plugin}.{name}")
    if record_type is None or record_type.public is None or record_type.public_if is None:
        abort(404)
    return record_type, record_type.public


def _fields(record_type: RecordType, names: Iterable[str]) -> list[Field]:
    return [field for field in map(record_type.field, names) if field is not None]


def _is_title(record_type: RecordType, field: Field) -> bool:
    """Whether a column would only say again what the link in front of it says."""
    return field.name == "title" or record_type.title.text == f"{{{field.name}}}"


def _filter(town: Town, record_type: RecordType, field: Field) -> Filter:
    value = request.args.get(field.name, "").strip()[:200]
    options: list[tuple[str, str]] = []
    if field.name == "state" and record_type.workflow is not None:
        # Several states may look alike to the public: one option stands for all of them.
        options = [(names[0], label) for label, names in _states_by_label(record_type).items()]
    elif field.choices:
        options = [(choice.value, choice.label) for choice in field.choices if not choice.retired]
    elif field.target:
        found = town.context(ANONYMOUS).options(field.target, field.where, "", FILTER_OPTIONS)
        options = [(str(option.id), option.title) for option in found]
    elif field.type_name == "boolean":
        options = [("yes", "Yes"), ("no", "No")]
    return Filter(field.name, field.label, value, options)


def _where(town: Town, record_type: RecordType, filters: Iterable[Filter]) -> tuple[dict[str, Any] | None, str]:
    """The condition of the filters that are set, and a sentence if one can't be used."""
    where: dict[str, Any] = {}
    problem = ""
    for one in filters:
        field = record_type.field(one.name)
        if not one.value or field is None:
            continue
        try:
            value = field.parse(one.value, town.context(ANONYMOUS))
        except Invalid as error:
            problem = f"{field.label}: {error.message}"
            continue
        if one.name == "state":
            where["state"] = next(
                (names for names in _states_by_label(record_type).values() if value in names), [value]
            )
            continue
        where[one.name] = {"contains": value} if _by_part(field) and not one.options else value
    return where or None, problem


def _by_part(field: Field) -> bool:
    """Whether a part of a value is enough to find it."""
    return "contains" in field.operators & OPERATORS[kind_of(field)]


def _states_by_label(record_type: RecordType) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, state in record_type.workflow.states.items() if record_type.workflow is not None else ():
        found.setdefault(state.public_label or state.label, []).append(name)
    return found


def _narrowed(
    town: Town, record_type: RecordType, listed: Condition | None, chosen: dict[str, Any] | None
) -> Condition | None:
    """What the schema lists, and of that what the visitor chose."""
    resolve = resolver(town.schemas, record_type)
    conditions = [parse_condition(chosen, resolve=resolve)] if chosen else []
    conditions += [listed] if listed is not None else []
    return Condition.all_of(conditions) if conditions else None


def _page_url(record_type: RecordType, kept: dict[str, str], direction: str, cursor: str) -> str:
    if not cursor:
        return ""
    values: dict[str, Any] = {**kept, direction: cursor, "plugin": record_type.plugin, "name": record_type.name}
    return url_for("portal.listing", **values)


def _apply_url(town: Town, record: Record) -> str:
    """Address of the form behind the apply button; empty if there is none or it is closed for this record."""
    applied = services.applied_to(record.type)
    target = town.schemas.get(applied[0]) if applied is not None else None
    form = target.forms.get(applied[1]) if applied is not None and target is not None else None
    if applied is None or target is None or form is None:
        return ""
    try:
        is_open = services.is_open(town, form, {applied[2]: record})
    except TownhallError:
        return ""
    return services.start_url(target, form, {applied[2]: record.id}) if is_open else ""


def routes(blueprint: Blueprint) -> None:
    """Give the pages their addresses."""
    blueprint.add_url_rule("/open/<plugin>/<name>/", "listing", listing)
    blueprint.add_url_rule("/open/<plugin>/<name>/<int:id>", "entry", entry)
    blueprint.add_url_rule("/files/<int:id>", "file", file)
