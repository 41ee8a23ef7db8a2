"""Types from their tables: workflow, forms, list, sections and the standard fields, with sensible defaults."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from townhall_forms.conditions import Condition
from townhall_forms.documents import Report
from townhall_forms.documents import Source
from townhall_forms.field_building import humanise
from townhall_forms.field_building import read_condition
from townhall_forms.fields import build_field
from townhall_forms.kinds import Resolver
from townhall_forms.layer import is_own
from townhall_forms.laying_out import sections_of
from townhall_forms.placeholders import InvalidTemplate
from townhall_forms.placeholders import NumberPattern
from townhall_forms.placeholders import Template
from townhall_forms.schema import Check
from townhall_forms.schema import Choice
from townhall_forms.schema import EventEffect
from townhall_forms.schema import EventMapping
from townhall_forms.schema import Form
from townhall_forms.schema import ListOptions
from townhall_forms.schema import MergeOptions
from townhall_forms.schema import PublicOptions
from townhall_forms.schema import RecordType
from townhall_forms.schema import Section
from townhall_forms.schema import State
from townhall_forms.schema import Step
from townhall_forms.schema import TaskEffect
from townhall_forms.schema import Transition
from townhall_forms.schema import Unique
from townhall_forms.schema import View
from townhall_forms.schema import Workflow

if TYPE_CHECKING:
    from townhall_forms.fields.base import Field

Document = Mapping[str, Any]

#: How a record can come in, unless its type says so itself.
CHANNELS = (
    ("phone", "Phone"),
    ("email", "E-mail"),
    ("letter", "Letter"),
    ("visit", "At the counter"),
    ("web", "Website"),
    ("fax", "Fax"),
    ("sms", "Text message"),
    ("social", "Social media"),
    ("chat", "Chat"),
    ("open311", "Open311"),
    ("import", "Import"),
    ("other", "Other"),
)
_LIST_KINDS = ("choice", "boolean", "date", "link", "money", "staff")


class TypeBuilder:
    """Builds the type of one file from its document and its fields."""

    def __init__(self, source: Source, document: Document, report: Report) -> None:
        self.source = source
        self.document = document
        self.report = report
        self.head: Document = document["type"]
        self.resolve: Resolver | None = None

    # -- what is the same before and after conditions are known --------------------------------------------------

    def provisional(self, fields: Mapping[str, Field]) -> RecordType:
        """The type with its fields and states and nothing else, so that paths can be looked up."""
        return RecordType(**self.names(), **self.structure(fields), sections=(), list=ListOptions((), "", ()))

    def names(self) -> dict[str, Any]:
        """The attributes that are words."""
        label = self.head.get("label") or humanise(self.head["name"])
        return {
            "plugin": self.source.plugin,
            "name": self.head["name"],
            "label": label,
            "label_plural": self.head.get("label_plural") or f"{label}s",
        }

    def structure(self, fields: Mapping[str, Field]) -> dict[str, Any]:
        """Title, fields and states."""
        states = self.states()
        return {
            "title": self.title(),
            "fields": fields,
            "system_fields": {name: field for name, field in standard_fields(states).items() if name not in fields},
        }

    def title(self) -> Template:
        """The title's template; one that can't be read is noted and replaced."""
        try:
            return Template(self.head.get("title", ""))
        except InvalidTemplate as error:
            self.report.add("type.title", str(error))
            return Template("{id}")

    def states(self) -> dict[str, State]:
        """The states of the workflow, none without one."""
        workflow = self.document.get("workflow", {})
        initial = workflow.get("initial", "")
        return {name: _state(name, told, initial) for name, told in workflow.get("states", {}).items()}

    # -- the whole type -------------------------------------------------------------------------------------------

    def finished(self, fields: Mapping[str, Field], resolve: Resolver) -> RecordType:
        """The type as its file says."""
        self.resolve = resolve
        structure = self.structure(fields)
        all_fields = {**structure["system_fields"], **fields}
        number = self.head.get("number", "")
        if number:
            try:
                NumberPattern(number)
            except InvalidTemplate as error:
                self.report.add("type.number", str(error))
        optional = {key: self.head[key] for key in _HEAD if key in self.head}
        forms = {name: self.form(name, table) for name, table in self.document.get("forms", {}).items()}
        return RecordType(
            **self.names(),
            **structure,
            **optional,
            number=number,
            contacts=tuple(self.head.get("contacts", ())),
            owners=self.owners(forms),
            owners_if=self.condition(self.head, "owners_if", "type"),
            public_if=self.condition(self.head, "public_if", "type"),
            checks=tuple(self.check(table) for table in self.document.get("checks", ())),
            unique=tuple(
                Unique(tuple(table.get("fields", ())), table.get("message", "This is already there."))
                for table in self.document.get("unique", ())
            ),
            indexes=tuple(tuple(table.get("fields", ())) for table in self.document.get("indexes", ())),
            sections=self.sections(fields),
            list=self.list_options(all_fields),
            forms=forms,
            workflow=self.workflow(),
            public=self.public(all_fields),
            event=EventMapping(**{"starts": ""} | self.head["event"]) if "event" in self.head else None,
            merge=self.merge(),
        )

    def merge(self) -> MergeOptions | None:
        """How two records become one, if they can."""
        told = self.head.get("merge")
        if told is None:
            return None
        return MergeOptions(
            told.get("into", ""),
            tuple(told.get("yes_wins", ())),
            tuple(told.get("only_chosen", ())),
            told.get("caution", ""),
        )

    def condition(self, table: Mapping[str, Any], key: str, at: str) -> Condition | None:
        """The condition under ``key``, if there is one."""
        assert self.resolve is not None  # noqa: S101
        return read_condition(table[key], f"{at}.{key}", self.resolve, self.report) if key in table else None

    def check(self, table: Mapping[str, Any]) -> Check:
        """One rule."""
        return Check(
            require=self.condition(table, "require", table["_at"]) or Condition.all_of(()),
            message=table.get("message", "This can't be right."),
            when=self.condition(table, "when", table["_at"]),
            fields=tuple(table.get("fields", ())),
        )

    def sections(self, fields: Mapping[str, Field]) -> tuple[Section, ...]:
        """The sections that are told, with forgotten fields in the last; or one, and one for each long field."""
        return tuple(
            Section(
                table.get("name", ""),
                table.get("label") or humanise(table.get("name", "")),
                tuple(table.get("fields", ())),
                table.get("help", ""),
            )
            for table in sections_of(self.document, {name: field.label for name, field in fields.items()})
        )

    def list_options(self, fields: Mapping[str, Field]) -> ListOptions:
        """The list's columns, order, filters and views."""
        told = self.document.get("list", {})
        # What the town's own layer asks for comes in addition, and hides nothing that would be there without it.
        shipped = {name: field for name, field in fields.items() if not is_own(name)}
        columns = tuple(told["columns"]) if "columns" in told else self.default_columns(shipped)
        filters = tuple(told["filters"]) if "filters" in told else _default_filters(shipped)
        columns, filters = (*columns, *told.get("_columns", ())), (*filters, *told.get("_filters", ()))
        views = tuple(
            View(
                table.get("name", ""),
                table.get("label") or humanise(table.get("name", "")),
                self.condition(table, "where", table["_at"]),
                table.get("sort", ""),
                tuple(table.get("columns", ())),
            )
            for table in told.get("views", ())
        )
        return ListOptions(columns, told.get("sort", "-created"), filters, views)

    def default_columns(self, fields: Mapping[str, Field]) -> tuple[str, ...]:
        """Number and title, what a case has, a few short fields, and when it was made."""
        standard = [name for name in ("state", "assignee", "due") if name in fields]
        own = [
            field.name
            for field in fields.values()
            if field.name not in standard_fields({}) and field.name not in standard and field.privacy != "confidential"
            if (field.stores or field.type_name) in _LIST_KINDS and field.name not in self.title().paths
        ]
        numbered = ["number"] if "number" in self.head else []
        seen = [name for name in own[: 5 - len(standard)] if "list" not in fields[name].hide]
        return (*numbered, "title", *standard, *seen, "created")

    def form(self, name: str, table: Mapping[str, Any]) -> Form:
        """One public form; fields without steps are one step."""
        label = table.get("label") or self.names()["label"]
        by_owner = bool(table.get("by_owner", False))
        columns: dict[str, tuple[str, ...]] = {}

        def fields(names: Sequence[str]) -> tuple[str, ...]:
            return _without_columns(names, columns) if by_owner else tuple(names)

        steps = tuple(
            Step(
                step.get("name", ""),
                step.get("label") or humanise(step.get("name", "")),
                fields(step.get("fields", ())),
                step.get("help", ""),
            )
            for step in table.get("steps", ())
        ) or (Step("details", label, fields(table.get("fields", ()))),)
        texts = {key: table[key] for key in _FORM if key in table}
        contact_field = table.get("contact_field", "")
        contacts = self.head.get("contacts", ())
        if not contact_field and table.get("contact", "none") != "none" and contacts:
            contact_field = contacts[0]
        return Form(
            name=name,
            label=label,
            steps=steps,
            contact_field=contact_field,
            keywords=tuple(table.get("keywords", ())),
            edit_in=tuple(table.get("edit_in", ())),
            open_if=self.condition(table, "open_if", f"forms.{name}"),
            by_owner=by_owner,
            columns=columns,
            **texts,
        )

    def owners(self, forms: Mapping[str, Form]) -> tuple[str, ...]:
        """The links to whoever a record belongs to, by themselves those that its public forms set."""
        if "owners" in self.head:
            return tuple(self.head["owners"])
        return tuple(dict.fromkeys(form.contact_field for form in forms.values() if form.contact != "none"))

    def public(self, fields: Mapping[str, Field]) -> PublicOptions | None:
        """The public list and page, if the type has them."""
        if "public" not in self.document:
            return None
        told = self.document["public"]
        told_elsewhere = ("id", "title", "updated", "archived")
        shown = tuple(name for name in fields if fields[name].privacy == "public" and name not in told_elsewhere)
        return PublicOptions(
            label=told.get("label") or self.names()["label_plural"],
            columns=tuple(told.get("columns", ("title",))),
            fields=tuple(told.get("fields", shown)),
            where=self.condition(told, "where", "public"),
            filters=tuple(told.get("filters", ())),
            **{
                key: told[key]
                for key in ("sort", "intro", "empty", "apply", "apply_label", "service", "icon")
                if key in told
            },
        )

    def workflow(self) -> Workflow | None:
        """The states and transitions, if the type has them."""
        if "workflow" not in self.document:
            return None
        told = self.document["workflow"]
        states = self.states()
        return Workflow(
            initial=told.get("initial", ""),
            states=states,
            transitions=tuple(self.transition(table, states) for table in told.get("transitions", ())),
            due_days=told.get("due_days"),
            queue=told.get("queue", ""),
            assignee=told.get("assignee", ""),
            messages=told.get("messages", ""),
        )

    def transition(self, table: Mapping[str, Any], states: Mapping[str, State]) -> Transition:
        """One move; ``*`` leaves every state that is not final."""
        given = table.get("from", ())
        sources = (given,) if isinstance(given, str) else tuple(given)
        target = table.get("to", "")
        if "*" in sources:
            rest = [name for name in sources if name != "*"]
            every = [name for name, state in states.items() if not state.final and name != target]
            sources = tuple(dict.fromkeys((*every, *rest)))
        label = table.get("label") or humanise(table.get("name", ""))
        return Transition(
            name=table.get("name", ""),
            label=label,
            sources=sources,
            target=target,
            by=tuple(table.get("by", ())),
            require=tuple(table.get("require", ())),
            asks=tuple(table.get("asks", ())),
            condition=self.condition(table, "if", table["_at"]),
            help=table.get("help", ""),
            public_label=table.get("public_label") or label,
            assign=table.get("assign", ""),
            task=self.task(table),
            event=self.event_of(table),
            message=table.get("message"),
        )

    def task(self, table: Mapping[str, Any]) -> TaskEffect | None:
        """The task that a move makes."""
        told = table.get("task", {})
        title = self.effect_title(told, f"{table['_at']}.task")
        if title is None:
            return None
        return TaskEffect(title, told.get("days"), told.get("assignee", "nobody"))

    def event_of(self, table: Mapping[str, Any]) -> EventEffect | None:
        """The event that a move puts on the calendar."""
        told = table.get("event", {})
        title = self.effect_title(told, f"{table['_at']}.event")
        if title is None or "starts" not in told:
            return None
        return EventEffect(title, told["starts"], told.get("kind", "appointment"))

    def effect_title(self, told: Mapping[str, Any], at: str) -> Template | None:
        """The title of what a move makes; one that can't be read is noted."""
        if "title" not in told:
            return None
        try:
            return Template(told["title"])
        except InvalidTemplate as error:
            self.report.add(f"{at}.title", str(error))
            return None


_HEAD = ("description", "icon", "privacy", "navigation", "order", "append_only")
_FORM = (
    "intro",
    "contact",
    "submit_label",
    "receipt",
    "after",
    "service",
    "icon",
    "state",
    "per",
    "per_group",
    "closed_message",
)


def _state(name: str, told: Mapping[str, Any], initial: str) -> State:
    label = told.get("label") or humanise(name)
    if told.get("final"):
        tone = "ok"
    elif told.get("pauses_clock"):
        tone = "wait"
    else:
        tone = "new" if name == initial else "live"
    attributes: dict[str, Any] = {"name": name, "label": label, "public_label": label, "tone": tone}
    return State(**attributes | dict(told))


def _without_columns(names: Sequence[str], columns: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The fields that are named, each once; the columns of those that are named by column go to ``columns``."""
    found: dict[str, None] = {}
    for name in names:
        field, dot, column = name.partition(".")
        found[field] = None
        if dot:
            columns[field] = (*columns.get(field, ()), column)
    return tuple(found)


def _default_filters(fields: Mapping[str, Field]) -> tuple[str, ...]:
    standard = [name for name in ("state", "assignee", "due") if name in fields]
    own = [
        name
        for name, field in fields.items()
        if field.type_name in ("choice", "boolean", "link") and field.privacy != "confidential" and name not in standard
        if name != "channel"
    ]
    return (*standard, *(name for name in own[:6] if "list" not in fields[name].hide), "created")


def standard_fields(states: Mapping[str, State]) -> dict[str, Field]:
    """The fields that every record has, and with ``states`` those of a case, as fields like all others."""

    def standard(name: str, type_name: str, label: str, privacy: str = "public", **more: Any) -> Field:
        return build_field(type_name, name=name, label=label, privacy=privacy, read_only=True, **more)

    channels = tuple(Choice(value, label) for value, label in CHANNELS)
    fields = [
        standard("id", "integer", "Record number"),
        standard("number", "text", "Number"),
        standard("title", "text", "Title"),
        standard("created", "datetime", "Created"),
        standard("updated", "datetime", "Last changed"),
        standard("archived", "datetime", "Archived", "internal"),
        standard("channel", "choice", "Came in by", "internal", choices=channels),
    ]
    if states:
        named = tuple(Choice(state.name, state.label) for state in states.values())
        fields += [
            standard("state", "choice", "Status", choices=named),
            standard("assignee", "staff", "Assigned to", "internal"),
            standard("queue", "link", "Queue", "internal", to="core.queue"),
            standard("due", "datetime", "Due", "internal"),
            standard("closed", "datetime", "Closed"),
        ]
    return {field.name: field for field in fields}
