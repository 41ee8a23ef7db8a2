"""The typed objects that a schema file becomes.

Loading (:mod:`townhall_forms.loading`) reads TOML and builds these; everything else (tables, forms, conditions,
records, screens, docs) reads them and never the TOML. They are immutable, so one set can be shared by all threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Literal

if TYPE_CHECKING:
    from townhall_forms.conditions import Condition
    from townhall_forms.fields.base import Field
    from townhall_forms.placeholders import Template

Privacy = Literal["public", "internal", "confidential"]
Who = Literal["staff", "citizen", "system"]
Tone = Literal["new", "live", "wait", "ok", "soon", "bad"]
Navigation = Literal["records", "setup", "hidden"]

#: Names that every record answers to, in conditions, columns, filters, sorting and placeholders.
STANDARD_FIELDS = ("id", "number", "title", "created", "updated", "archived", "channel")
#: Names that a case (a type with a workflow) has as well.
CASE_FIELDS = ("state", "assignee", "queue", "due", "closed")


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a ``choice`` or ``choices`` field. A retired one stays readable but is no longer offered."""

    value: str
    label: str
    help: str = ""
    retired: bool = False


#: The event that a case has come in.
RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class State:
    """One state of a workflow.

    ``tone`` picks the pill's colour and icon on screen; ``upcoming_label`` is what the public reads while the state is
    still to come, so that nobody is promised how a decision ends.
    """

    name: str
    label: str
    public_label: str
    upcoming_label: str = ""
    help: str = ""
    public_help: str = ""
    incomplete: bool = False
    pauses_clock: bool = False
    final: bool = False
    tone: Tone = "live"


@dataclass(frozen=True, slots=True)
class TaskEffect:
    """The task that a move makes. ``days`` counts calendar days, or is the path of a field that says them; ``assignee``
    is ``actor``, ``nobody`` or the path of a field with somebody who works here.
    """

    title: Template
    days: int | str | None = None
    assignee: str = "nobody"


@dataclass(frozen=True, slots=True)
class EventEffect:
    """The event that a move puts on the calendar, at the moment in the field at the path ``starts``."""

    title: Template
    starts: str
    kind: str = "appointment"


@dataclass(frozen=True, slots=True)
class Transition:
    """One declared move between states: from any of ``sources`` to ``target``, and what it brings about.

    ``assign`` says whom the case is given to, like :attr:`TaskEffect.assignee`; empty leaves that as it is.
    ``message`` names the event whose message the citizen gets; ``None`` means that of the target, ``""`` none at all.
    """

    name: str
    label: str
    sources: tuple[str, ...]
    target: str
    by: tuple[Who, ...]
    require: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    condition: Condition | None = None
    help: str = ""
    public_label: str = ""
    assign: str = ""
    task: TaskEffect | None = None
    event: EventEffect | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """The states of a case and the moves between them.

    ``due_days`` is a number of calendar days, or the path of an integer field (``"category.target_days"``), after
    which a new case is due; ``None`` sets no due date. ``queue`` and ``assignee`` are paths of fields that say where a
    new case waits and who gets it, if nothing else does. ``messages`` is the path of rows in a linked record
    (``"category.messages"``), each with an ``event`` and the ``text`` that takes the place of the town's own words.
    """

    initial: str
    states: Mapping[str, State]
    transitions: tuple[Transition, ...]
    due_days: int | str | None = None
    queue: str = ""
    assignee: str = ""
    messages: str = ""

    def events(self) -> tuple[str, ...]:
        """The events at which a citizen may get a message, in the order of the states they stand for."""
        named = (move.message for move in self.transitions if move.message)
        return tuple(dict.fromkeys((RECEIVED, *named, *self.states)))

    def leaving(self, state: str) -> tuple[Transition, ...]:
        """The transitions that may be made from ``state``, in their declared order."""
        return tuple(move for move in self.transitions if state in move.sources)

    def transition(self, name: str) -> Transition | None:
        """The transition called ``name``, or ``None``."""
        return next((move for move in self.transitions if move.name == name), None)

    @property
    def open_states(self) -> tuple[str, ...]:
        """Names of the states that are not final."""
        return tuple(name for name, state in self.states.items() if not state.final)


@dataclass(frozen=True, slots=True)
class Check:
    """A rule that spans fields: when ``when`` holds, ``require`` must hold too, or ``message`` is shown."""

    require: Condition
    message: str
    when: Condition | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unique:
    """A set of fields whose values together must not repeat among records that are not archived."""

    fields: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Section:
    """A titled group of fields in the clerk's form and details page."""

    name: str
    label: str
    fields: tuple[str, ...]
    help: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One page of a public form."""

    name: str
    label: str
    fields: tuple[str, ...]
    help: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A form that the public fills in: what they may write, apart from what they may read.

    One that comes ``after`` another form (``"application.public"``) is offered on its receipt, and among no services.
    With ``by_owner`` nothing new is sent through it: whoever a record belongs to changes it there, and of a rows field
    only the ``columns`` that are named, if any are.
    """

    name: str
    label: str
    steps: tuple[Step, ...]
    intro: str = ""
    contact: Literal["required", "optional", "none"] = "none"
    contact_field: str = ""
    submit_label: str = "Send"
    receipt: str = ""
    service: str = ""
    keywords: tuple[str, ...] = ()
    icon: str = ""
    state: str = ""
    edit_in: tuple[str, ...] = ()
    per: str = ""
    per_group: str = ""
    open_if: Condition | None = None
    closed_message: str = ""
    by_owner: bool = False
    columns: Mapping[str, tuple[str, ...]] = dataclass_field(default_factory=dict)
    after: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields of the form, in order."""
        return tuple(name for step in self.steps for name in step.fields)


@dataclass(frozen=True, slots=True)
class View:
    """A saved view of a list that the schema ships."""

    name: str
    label: str
    where: Condition | None = None
    sort: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What the clerk's list of the type shows. ``sort`` is a field name, ``-`` before it sorts downwards."""

    columns: tuple[str, ...]
    sort: str
    filters: tuple[str, ...]
    views: tuple[View, ...] = ()


@dataclass(frozen=True, slots=True)
class PublicOptions:
    """How the public list and page of a type look (only records that fulfil ``public_if`` are on them).

    ``where`` narrows the list; other public records keep their pages. ``apply`` names a form of another type and the
    link that it fills: ``"application.public:posting"``.
    """

    label: str
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    where: Condition | None = None
    filters: tuple[str, ...] = ()
    sort: str = ""
    intro: str = ""
    empty: str = ""
    apply: str = ""
    apply_label: str = ""
    service: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class EventMapping:
    """Which of the type's fields put it on the calendar (RFC 5545 names)."""

    starts: str
    ends: str = ""
    title: str = "title"
    location: str = ""
    attendees: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """That two records of the type which stand for the same can become one.

    ``into`` names the link, to the type itself, in which the one that goes keeps to which other it went. A boolean of
    ``yes_wins`` is yes afterwards if either of the two said so. Of a field of ``only_chosen`` the one that stays keeps
    its own, unless somebody chooses otherwise; ``caution`` tells them what to look at.
    """

    into: str
    yes_wins: tuple[str, ...] = ()
    only_chosen: tuple[str, ...] = ()
    caution: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class RecordType:
    """A declared type of record: everything that its schema file says.

    ``fields`` holds the declared fields; ``system_fields`` the standard ones (:data:`STANDARD_FIELDS`, and
    :data:`CASE_FIELDS` for a case) as fields of the same classes, so that lists, filters and conditions need no
    special case. Two types are equal only if they are the same object, so what is worked out for a type can be kept
    beside it.

    ``frozen`` is the sentence that says why no record of the type can be changed at present; empty where records can
    be. ``restricted`` says that code decides who may read its records and that this code does not run, so that only
    whoever looks after plugins may.
    """

    plugin: str
    name: str
    label: str
    label_plural: str
    title: Template
    fields: Mapping[str, Field]
    system_fields: Mapping[str, Field]
    sections: tuple[Section, ...]
    list: ListOptions
    description: str = ""
    icon: str = "note"
    number: str = ""
    contacts: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    owners_if: Condition | None = None
    privacy: Privacy = "internal"
    public_if: Condition | None = None
    navigation: Navigation = "records"
    order: int = 100
    append_only: bool = False
    checks: tuple[Check, ...] = ()
    unique: tuple[Unique, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    forms: Mapping[str, Form] = dataclass_field(default_factory=dict)
    workflow: Workflow | None = None
    public: PublicOptions | None = None
    event: EventMapping | None = None
    merge: MergeOptions | None = None
    frozen: str = ""
    restricted: bool = False

    @cached_property
    def identity(self) -> str:
        """``plugin.name``: how links, URLs, commands and history name the type."""
        return f"{self.plugin}.{self.name}"

    @property
    def table(self) -> str:
        """Name of its table: ``plugin_name``."""
        return f"{self.plugin}_{self.name}"

    @property
    def is_case(self) -> bool:
        """Whether the type has a workflow."""
        return self.workflow is not None

    @cached_property
    def sent_forms(self) -> Mapping[str, Form]:
        """The public forms through which something new is sent."""
        return {name: form for name, form in self.forms.items() if not form.by_owner}

    def form_named(self, path: str) -> tuple[str, str]:
        """Identity and form that ``type.form`` (of the same plugin) or ``plugin.type.form`` names."""
        name, _, form = path.rpartition(".")
        return name if "." in name else f"{self.plugin}.{name}", form

    @property
    def has_status_page(self) -> bool:
        """Whether the sender of a record may follow it on a page of their own, found by its number."""
        return bool(self.sent_forms and self.number)

    @cached_property
    def all_fields(self) -> Mapping[str, Field]:
        """Declared and standard fields together."""
        return {**self.system_fields, **self.fields}

    def __repr__(self) -> str:
        return f"<RecordType {self.identity}>"

    def field(self, name: str) -> Field | None:
        """The declared or standard field called ``name`` (no path), or ``None``."""
        return self.all_fields.get(name)


class Schemas(Mapping[str, RecordType]):
    """All types that are known together, by identity. Immutable."""

    def __init__(self, types: Mapping[str, RecordType]) -> None:
        self._types = dict(types)

    def __getitem__(self, identity: str) -> RecordType:
        return self._types[identity]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def resolve(self, record_type: RecordType, path: str) -> Resolved | None:
        """What ``path`` reaches from ``record_type``.

        A path is a field name, ``link.field`` (one hop over a link), ``rows.column`` (any row), or
        ``answers.code`` (the answer to one question; its field is not known before a record is).
        Returns ``None`` when nothing is there.
        """
        first, _, rest = path.partition(".")
        field = record_type.field(first)
        if field is None:
            return None
        if not rest:
            return Resolved(record_type, field, None, None)
        if field.target and not field.many_targets:
            target = self.get(field.target)
            reached = target.field(rest) if target is not None else None
            return Resolved(record_type, field, target, reached) if reached is not None else None
        if field.row_fields:
            column = field.row_fields.get(rest)
            return Resolved(record_type, field, None, column) if column is not None else None
        if field.type_name == "answers":
            return Resolved(record_type, field, None, None, answer=rest)
        return None

    def links_to(self, identity: str) -> Iterator[tuple[RecordType, Field]]:
        """Every link field of any type that points at ``identity``, with the type that declares it."""
        return iter(self._links.get(identity, ()))

    @cached_property
    def references(self) -> tuple[tuple[RecordType, Field], ...]:
        """Every reference field that asks for a panel on the page of whatever it points at, with its type."""
        return tuple(
            (record_type, field)
            for record_type in self._types.values()
            for field in record_type.fields.values()
            if field.type_name == "reference" and field.panel
        )

    @cached_property
    def _links(self) -> Mapping[str, list[tuple[RecordType, Field]]]:
        found: dict[str, list[tuple[RecordType, Field]]] = {}
        for record_type in self._types.values():
            for field in record_type.fields.values():
                if field.target:
                    found.setdefault(field.target, []).append((record_type, field))
        return found


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a path leads: ``first`` is the field of the starting type; ``second`` the field behind a link or rows."""

    record_type: RecordType
    first: Field
    target: RecordType | None
    second: Field | None
    answer: str = ""

    @property
    def field(self) -> Field:
        """The field at the end of the path."""
        return self.second or self.first
