"""What only shows when all schemas are seen together: names that lead nowhere, loops, and leaks.

Conditions have been checked where they were read. Rules about workflows and public forms are in
:mod:`townhall_forms.linting_cases`.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall_forms.conditions import GROUPS
from townhall_forms.documents import Report
from townhall_forms.documents import Source
from townhall_forms.keys import COMPUTE_KEYS
from townhall_forms.kinds import Resolver
from townhall_forms.kinds import did_you_mean
from townhall_forms.schema import CASE_FIELDS
from townhall_forms.schema import STANDARD_FIELDS
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

if TYPE_CHECKING:
    from townhall_forms.conditions import Condition
    from townhall_forms.fields.base import Field

#: The one standard name that a type may declare itself, to say how its records come in.
MAY_DECLARE = "channel"
#: Names of columns that every table has, and words of the language.
RESERVED = frozenset({*STANDARD_FIELDS, *CASE_FIELDS, *GROUPS, "version", "external_key", "parent_id", "position"})
_LONGEST_LABEL = 80
_LEADS = ("contact", "actor")
_HIDING_PLACES = ("form", "list")


@dataclass(frozen=True, slots=True)
class Subject:
    """The type that is looked at, with everything around it."""

    type: RecordType
    schemas: Schemas
    source: Source
    report: Report
    resolve: Resolver

    def unsure(self, name: str) -> bool:
        """Whether a name belongs to a field that is wrong itself, so that nothing more need be said."""
        first, _, _ = name.partition(".")
        return first in self.resolve.unsure.get(self.type.identity, ())

    def names(self, names: Iterable[str], at: str, known: Collection[str] | None = None) -> list[str]:
        """Note each name that is no field; give back those that are."""
        known = self.type.all_fields if known is None else known
        found = []
        for name in names:
            if name in known:
                found.append(name)
            elif not self.unsure(name):
                self.report.add(at, f"there is no field “{name}”{did_you_mean(name, known)}")
        return found

    def path(self, path: str, at: str) -> Field | None:
        """The field that a path ends at; a path that leads nowhere is noted."""
        info = self.resolve(path)
        if info is None:
            self.report.add(at, self.resolve.missing(path))
            return None
        return info.field


def lint(
    record_type: RecordType,
    schemas: Schemas,
    source: Source,
    report: Report,
    unsure: Mapping[str, Collection[str]],
) -> None:
    """Note in ``report`` what is wrong with a type beside all others."""
    from townhall_forms.linting_cases import lint_forms
    from townhall_forms.linting_cases import lint_workflow
    from townhall_forms.linting_values import lint_values

    subject = Subject(record_type, schemas, source, report, Resolver(schemas, record_type, unsure=unsure))
    for check in (_names, _links, _layout, _asked, _title, _computed, _prefill, _loops, _event, _merge):
        check(subject)
    _contacts(subject)
    _tables(subject)
    lint_values(subject)
    lint_workflow(subject)
    lint_forms(subject)


def _names(subject: Subject) -> None:
    """Names that are taken, labels that no screen has room for, and columns that would meet."""
    columns: dict[str, str] = {}
    for field in subject.type.system_fields.values():
        columns |= {column.name: field.name for column in field.columns()}
    for name, field in subject.type.fields.items():
        at = f"fields.{name}"
        if name in RESERVED and name != MAY_DECLARE:
            subject.report.add(at, f"“{name}” is taken: every record has it, or the language uses it")
            continue
        if name == MAY_DECLARE and field.type_name != "choice":
            subject.report.add(at, "a type's own “channel” is a choice")
        for part, label in [(at, field.label), *((f"{at}.{c.name}", c.label) for c in field.row_fields.values())]:
            if len(label) > _LONGEST_LABEL:
                subject.report.add(
                    f"{part}.label", f"a label has at most {_LONGEST_LABEL} characters; put more in help"
                )
        for column in () if field.outside else field.columns():
            if column.name in columns:
                subject.report.add(at, f"its column “{column.name}” is also a column of “{columns[column.name]}”")
            columns[column.name] = name
        _hidden(subject, field, at)
        values = [choice.value for choice in field.choices]
        for value in {value for value in values if values.count(value) > 1}:
            subject.report.add(f"{at}.choices", f"“{value}” is there twice")


def _hidden(subject: Subject, field: Field, at: str) -> None:
    """A field can be hidden from the form and the list, if nobody has to fill it in."""
    for where in field.hide:
        if where not in _HIDING_PLACES:
            subject.report.add(f"{at}.hide", f"“hide” takes form and list{did_you_mean(where, _HIDING_PLACES)}")
    if "form" in field.hide and field.required and field.default is None:
        subject.report.add(f"{at}.hide", "it is required and has no default, so it can't be hidden from the form")


def _links(subject: Subject) -> None:
    """A link reaches a type of the same plugin, of core, or of a plugin that is required."""
    reach = {subject.source.plugin, "core", *subject.source.requires}
    for at, field in _with_columns(subject.type):
        if field.type_name in ("link", "links") and not field.to:
            subject.report.add(at, "a link needs “to”, the type that it points at")
        elif field.target and field.target.partition(".")[0] not in reach:
            plugin = field.target.partition(".")[0]
            subject.report.add(
                f"{at}.to", f"“{field.target}” belongs to a plugin that is not required; add “{plugin}” to requires"
            )
        elif field.target and field.target not in subject.schemas and field.target not in subject.resolve.unsure:
            hint = did_you_mean(field.target, subject.schemas)
            subject.report.add(f"{at}.to", f"there is no type “{field.target}”{hint}")
        if field.type_name == "answers":
            _answers(subject, field, at)
        if field.type_name in ("choice", "choices") and not field.choices:
            subject.report.add(at, "it needs “choices”")


def _answers(subject: Subject, field: Field, at: str) -> None:
    if not field.source:
        subject.report.add(at, "answers need “from”, where their questions are: link.field")
        return
    found = subject.path(field.source, f"{at}.from")
    if found is not None and found.type_name != "questions":
        subject.report.add(f"{at}.from", f"“{field.source}” is no field of type questions")


def _with_columns(record_type: RecordType) -> Iterable[tuple[str, Field]]:
    for name, field in record_type.fields.items():
        yield f"fields.{name}", field
        for column, inner in field.row_fields.items():
            yield f"fields.{name}.fields.{column}", inner


def _layout(subject: Subject) -> None:
    """Sections, list, views, checks, uniques and the public page name fields that are there and may be shown."""
    record_type = subject.type
    seen: dict[str, str] = {}
    for section in record_type.sections:
        at = f"sections.{section.name}.fields"
        for name in subject.names(section.fields, at, record_type.fields):
            if name in seen:
                subject.report.add(at, f"“{name}” is also in section “{seen[name]}”")
            seen[name] = section.name
    for index, check in enumerate(record_type.checks, start=1):
        subject.names(check.fields, f"checks.{index}.fields")
    for index, unique in enumerate(record_type.unique, start=1):
        for name in subject.names(unique.fields, f"unique.{index}.fields", record_type.fields):
            if record_type.fields[name].outside:
                subject.report.add(f"unique.{index}.fields", f"“{name}” has several values and can't be unique")
    for index, names in enumerate(record_type.indexes, start=1):
        _index(subject, names, f"indexes.{index}.fields")
    options = record_type.list
    _shown(subject, options.columns, "list.columns", "a column")
    _shown(subject, options.filters, "list.filters", "a filter")
    _sorted_by(subject, options.sort, "list.sort")
    for view in options.views:
        at = f"list.views.{view.name}"
        _shown(subject, view.columns, f"{at}.columns", "a column")
        _sorted_by(subject, view.sort, f"{at}.sort")
        _no_confidential(subject, view.where, f"{at}.where", "a view")
    _doubles(subject, [view.name for view in options.views], "list.views")
    _doubles(subject, [section.name for section in record_type.sections], "sections")
    _no_confidential(subject, record_type.public_if, "type.public_if", "a rule about what is public")
    for name, field in record_type.fields.items():
        if field.search and field.privacy == "confidential":
            subject.report.add(f"fields.{name}.search", "a confidential field can't be searched")
        if field.encrypt:
            _encrypted(subject, field)
        if field.unique and field.outside:
            subject.report.add(f"fields.{name}.unique", "a field with several values can't be unique")


def _index(subject: Subject, names: tuple[str, ...], at: str) -> None:
    if not names:
        subject.report.add(at, "an index needs at least one field")
    for name in dict.fromkeys(subject.names(names, at)):
        field = subject.type.all_fields[name]
        if names.count(name) > 1:
            subject.report.add(at, f"“{name}” is there twice")
        if field.outside:
            subject.report.add(at, f"“{name}” has several values and can't be in an index")
        elif not field.sortable and not any(column.index for column in field.columns()):
            subject.report.add(at, f"“{name}”, a field of type {field.type_name}, can't be in an index")


def _encrypted(subject: Subject, field: Field) -> None:
    at, name = f"fields.{field.name}.encrypt", field.name
    if field.privacy != "confidential":
        subject.report.add(at, f"“{name}” is not confidential, so its values stand in lists and in the search anyway")
    if not field.can_encrypt:
        subject.report.add(at, f"“{name}” can't be encrypted: values are compared, counted or linked by it")
    for other in subject.type.fields.values():
        if other.compute is not None and name in str(other.compute):
            subject.report.add(at, f"“{other.name}” is computed from “{name}”, so “{name}” can't be encrypted")
    if any(name in unique.fields for unique in subject.type.unique):
        subject.report.add(at, f"“{name}” must not repeat, so it can't be encrypted")
    if any(name in names for names in subject.type.indexes):
        subject.report.add(at, f"“{name}” is in an index, so it can't be encrypted")


def _shown(subject: Subject, names: Iterable[str], at: str, use: str) -> None:
    for name in subject.names(names, at):
        if subject.type.all_fields[name].privacy == "confidential":
            subject.report.add(at, f"“{name}” is confidential and can't be {use}")


def _sorted_by(subject: Subject, sort: str, at: str) -> None:
    if not sort:
        return
    for name in subject.names([sort.removeprefix("-")], at):
        field = subject.type.all_fields[name]
        if field.privacy == "confidential":
            subject.report.add(at, f"“{name}” is confidential and nothing can be sorted by it")
        elif not field.sortable or field.outside:
            subject.report.add(at, f"nothing can be sorted by “{name}”, a field of type {field.type_name}")


def _asked(subject: Subject) -> None:
    """Whether a field is asked or locked tells what that goes by, so it must be as private as that."""
    for name, field in subject.type.fields.items():
        _asks(subject, field, f"fields.{name}", {})
        for column, inner in field.row_fields.items():
            _asks(subject, inner, f"fields.{name}.fields.{column}", field.row_fields)


def _asks(subject: Subject, field: Field, at: str, beside: Mapping[str, Field]) -> None:
    """One field, or a column that has others ``beside`` it. Whoever may reveal what is confidential in a type may
    reveal all of it, and nothing of another type.
    """
    secret = field.privacy == "confidential"
    for key in ("show_if", "require_if", "lock_if"):
        _no_confidential(subject, getattr(field, key), f"{at}.{key}", "a field that others read", beside, own=secret)


def _no_confidential(
    subject: Subject,
    condition: Condition | None,
    at: str,
    use: str,
    beside: Mapping[str, Field] | None = None,
    *,
    own: bool = False,
) -> None:
    """Nothing confidential decides; with ``own`` what is confidential in the type itself may."""
    for path in sorted(condition.paths()) if condition else ():
        column = (beside or {}).get(path)
        resolved = subject.schemas.resolve(subject.type, path) if column is None else None
        asked = [column] if resolved is None else [resolved.first, resolved.field]
        if own:
            asked = [resolved.field] if resolved is not None and resolved.target is not None else []
        if any(field is not None and field.privacy == "confidential" for field in asked):
            subject.report.add(at, f"“{path}” is confidential and can't decide about {use}")


def _doubles(subject: Subject, names: list[str], at: str) -> None:
    for name in sorted({name for name in names if names.count(name) > 1}):
        subject.report.add(f"{at}.{name}", f"“{name}” is there twice")


def _title(subject: Subject) -> None:
    """A title is seen wherever the record is, so nothing in it may be more private than the record."""
    for path in subject.type.title.paths:
        field = subject.path(path, "type.title")
        if field is None:
            continue
        first = subject.type.field(path.partition(".")[0])
        privacies = {field.privacy, first.privacy if first is not None else field.privacy}
        if path == "title":
            subject.report.add("type.title", "a title can't contain itself")
        elif "confidential" in privacies:
            subject.report.add("type.title", f"“{path}” is confidential and a title is seen by everybody")
        elif subject.type.public_if is not None and "internal" in privacies and path not in ("number", "id"):
            subject.report.add("type.title", f"“{path}” is internal, but the public sees the titles of public records")
        elif field.row_fields or field.type_name in ("answers", "questions", "files", "file"):
            subject.report.add("type.title", f"“{path}” is of type {field.type_name}, which is not a line of text")


def _computed(subject: Subject) -> None:
    """Computed fields name fields that are there and can be reckoned with."""
    for name, field in subject.type.fields.items():
        if not field.compute:
            continue
        ((way, operand),) = field.compute.items()
        at = f"fields.{name}.compute"
        if way == "hook" or way not in COMPUTE_KEYS:
            continue
        paths = operand if isinstance(operand, list | tuple) else [operand]
        found = [subject.path(str(path), at) for path in paths]
        types = [(each.stores or each.type_name) for each in found if each is not None]
        if way == "sum" and types and types[0] not in ("integer", "decimal", "money", "percent"):
            subject.report.add(at, f"“{paths[0]}” is no number, so it has no sum")
        if way == "days_between" and any(type_ not in ("date", "datetime") for type_ in types):
            subject.report.add(at, "days are counted between two fields of type date or datetime")
        if way in ("count", "sum", "min", "max") and types and not _several(subject, str(paths[0]), way):
            subject.report.add(at, f'“{way}” works on rows: {way} = "{"rows" if way == "count" else "rows.column"}"')
        if field.required:
            subject.report.add(f"fields.{name}.required", "a computed field is never typed, so it can't be required")
        private = [each for each in found if each is not None and each.privacy == "confidential"]
        if private and field.privacy != "confidential":
            subject.report.add(at, f"“{private[0].name}” is confidential, so what is computed from it must be too")


def _several(subject: Subject, path: str, way: str) -> bool:
    first, _, column = path.partition(".")
    field = subject.type.field(first)
    return field is None or (
        bool(field.row_fields or (way == "count" and field.outside)) and (way == "count" or column != "")
    )


def _prefill(subject: Subject) -> None:
    for at, field in _with_columns(subject.type):
        if not field.prefill:
            continue
        first, _, rest = field.prefill.partition(".")
        link = subject.type.fields.get(first)
        if not rest or (first not in _LEADS and (link is None or not link.target) and not subject.unsure(first)):
            subject.report.add(f"{at}.prefill", "write where it comes from: contact.NAME, actor.NAME, or LINK.NAME")


def _loops(subject: Subject) -> None:
    """Fields that wait for each other to be shown, or to be computed."""
    fields = subject.type.fields
    shown = {
        name: {path.partition(".")[0] for path in field.show_if.paths()} if field.show_if else set()
        for name, field in fields.items()
    }
    for name in _first_in_loops(shown):
        subject.report.add(f"fields.{name}.show_if", f"“{name}” waits for itself: {' → '.join(_loop(shown, name))}")
    computed: dict[str, set[str]] = {}
    for name, field in fields.items():
        operands = field.compute.values() if field.compute and "hook" not in field.compute else ()
        flat = [path for given in operands for path in (given if isinstance(given, list | tuple) else [given])]
        computed[name] = {str(path).partition(".")[0] for path in flat}
    for name in _first_in_loops(computed):
        subject.report.add(
            f"fields.{name}.compute", f"“{name}” is computed from itself: {' → '.join(_loop(computed, name))}"
        )


def _first_in_loops(edges: Mapping[str, set[str]]) -> list[str]:
    """One name of each loop."""
    told: set[str] = set()
    firsts = []
    for name in edges:
        loop = _loop(edges, name)
        if loop and name not in told:
            firsts.append(name)
            told |= set(loop)
    return firsts


def _loop(edges: Mapping[str, set[str]], start: str) -> list[str]:
    """The way from a name back to itself, or nothing."""
    pending: list[list[str]] = [[start]]
    visited: set[str] = set()
    while pending:
        way = pending.pop()
        for following in sorted(edges.get(way[-1], ())):
            if following == start:
                return [*way, start]
            if following in edges and following not in visited:
                visited.add(following)
                pending.append([*way, following])
    return []


def _event(subject: Subject) -> None:
    event = subject.type.event
    if event is None:
        return
    for key, types in (
        ("starts", ("date", "datetime")),
        ("ends", ("date", "datetime")),
        ("title", ()),
        ("location", ()),
        ("attendees", ("link", "links", "rows", "staff")),
        ("status", ("choice",)),
    ):
        name = getattr(event, key)
        for found in subject.names([name] if name else (), f"type.event.{key}"):
            field = subject.type.all_fields[found]
            if types and (field.stores or field.type_name) not in types:
                subject.report.add(f"type.event.{key}", f"“{name}” is not of type {' or '.join(types)}")
            if field.privacy == "confidential":
                subject.report.add(f"type.event.{key}", f"“{name}” is confidential and can't be on a calendar")


def _merge(subject: Subject) -> None:
    merge, fields = subject.type.merge, subject.type.fields
    if merge is None:
        return
    if subject.type.is_case or subject.type.append_only:
        subject.report.add("type.merge", "neither cases nor records that never change can be merged")
    for name in subject.names([merge.into] if merge.into else (), "type.merge.into", fields):
        field = fields[name]
        if field.target != subject.type.identity or field.many_targets:
            subject.report.add("type.merge.into", f"“{name}” is not a link to {subject.type.identity}")
        elif not field.read_only or field.privacy == "confidential":
            subject.report.add("type.merge.into", f"“{name}” must be read_only, and not confidential")
    for name in subject.names(merge.yes_wins, "type.merge.yes_wins", fields):
        if fields[name].type_name != "boolean":
            subject.report.add("type.merge.yes_wins", f"“{name}” is not of type boolean")
    subject.names(merge.only_chosen, "type.merge.only_chosen", fields)
    if merge.caution and not merge.only_chosen:
        subject.report.add("type.merge.caution", "it is shown for fields of only_chosen, and none is named")


def _contacts(subject: Subject) -> None:
    for path in subject.type.contacts:
        field = subject.path(path, "type.contacts")
        if field is not None and field.target != "core.contact":
            subject.report.add("type.contacts", f"“{path}” does not link to core.contact")
    _owners(subject)


def _owners(subject: Subject) -> None:
    """Owners are contacts, and find what they can open."""
    sent = {form.contact_field for form in subject.type.forms.values() if form.contact != "none"}
    for name in subject.names(subject.type.owners, "type.owners", subject.type.fields):
        if subject.type.fields[name].target != "core.contact":
            subject.report.add("type.owners", f"“{name}” does not link to core.contact")
    if not sent.issuperset(subject.type.owners) and not subject.type.has_status_page:
        subject.report.add("type.owners", "only what has a number and a public form has a page that its owner can open")
    if subject.type.owners_if is not None and not subject.type.owners:
        subject.report.add("type.owners_if", "it means nothing without “owners”")


def _tables(subject: Subject) -> None:
    """Two types must not share a table: ``a_b.c`` and ``a.b_c`` would."""
    for other in subject.schemas.values():
        if other.identity != subject.type.identity and other.table == subject.type.table:
            subject.report.add(
                "type.name", f"its table “{other.table}” is that of {other.identity}; choose another name"
            )
