"""Forms for new records and for changing old ones, generated from the type."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING
from typing import Any

from flask import Request
from markupsafe import Markup

from townhall import meanwhile
from townhall.access.actors import Actor
from townhall.access.policy import readable
from townhall.admin import masking
from townhall.admin import standard_inputs
from townhall.admin import talking
from townhall.admin import urls
from townhall.admin.desk import Desk
from townhall.admin.facts import FactWriter
from townhall.admin.standard_inputs import StandardInput
from townhall.errors import Conflict
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import shared_cases
from townhall.records.types import Record
from townhall_forms.context import StoredFile
from townhall_forms.errors import Invalid
from townhall_forms.forms import RecordForm
from townhall_forms.forms import build_form
from townhall_forms.schema import RecordType
from townhall_forms.values import Reference

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
INTERACTION = "core.interaction"
#: How many sheets of a new record's form are always open; later ones that can wait are folded.
OPEN_SECTIONS = 2


@dataclass(frozen=True, slots=True)
class FormSection:
    """A sheet of the form."""

    name: str
    label: str
    help: str
    names: tuple[str, ...]
    has_error: bool = False
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is saved otherwise than in the form; ``kept`` if you left it alone, so that theirs stands in it."""

    label: str
    theirs: Markup
    yours: Markup
    kept: bool = False


@dataclass(slots=True)
class Editor:
    """One showing of a form: for a new record, or with ``record`` for changing it."""

    desk: Desk
    actor: Actor
    type: RecordType
    request: Request
    record: Record | None = None
    form: RecordForm = dataclass_field(init=False)
    names: tuple[str, ...] = dataclass_field(init=False)
    whole: list[str] = dataclass_field(default_factory=list)
    differences: list[Difference] = dataclass_field(default_factory=list)
    version: int = 0
    #: What a new record is asked besides its fields, and what is wrong with that, by the ids of the inputs.
    standard: list[StandardInput] = dataclass_field(default_factory=list)
    wrong: dict[str, str] = dataclass_field(default_factory=dict)
    #: The call that a new record is opened from, of which the form shows the words: ``?call=9``.
    call: Record | None = None

    def __post_init__(self) -> None:
        town = self.desk.town
        self.names = self._names()
        posted = self.request.method == "POST"
        initial = (
            self._stored() if self.record is not None else prefilled(self.desk, self.actor, self.type, self.request)
        )
        self.version = self.record.version if self.record is not None else 0
        if posted and self.record is not None:
            self.version = urls.number(self.request.form.get("version"))
        if self.record is None:
            self.call = _opened_from(town, self.actor, f"{INTERACTION}:{self.request.args.get('call', '')}")
            self.standard = standard_inputs.for_new(town, self.actor, self.type, self.request.form)
        self.form = build_form(
            masking.unasked(self.type, self.record),
            self.names,
            town.context(self.actor),
            values=initial,
            formdata=self.request.form if posted else None,
            files=self.request.files if posted else None,
            stored=self.record.values if self.record is not None else None,
            lookup_url=lookup_of(self.type),
            file_url=file_url,
            opened=self._opened(),
        )

    # -- fields -----------------------------------------------------------------------------------------------

    def _names(self) -> tuple[str, ...]:
        """Fields that this person may type into, in the order of the sections."""
        may_see = self.desk.town.records.may(self.actor, "see_confidential", self.type.identity)
        hidden = readable(self.actor, self.type).hidden
        if self.record is not None:
            hidden |= shared_cases.kept(self.desk.town, self.actor, self.type, self.record.id)
        names = []
        for section in self.type.sections:
            for name in section.fields:
                field = self.type.fields.get(name)
                if field is None or field.read_only or field.compute is not None or "form" in field.hide:
                    continue
                if name in hidden:
                    continue
                if field.privacy == "confidential" and not may_see:
                    continue
                names.append(name)
        return tuple(names)

    def _stored(self) -> dict[str, Any]:
        assert self.record is not None  # noqa: S101 - only called with one
        return {name: self.record.values.get(name) for name in self.names}

    def _opened(self) -> Mapping[str, Any]:
        """What stood in the form when it was opened, if a colleague changed the record since."""
        if self.record is None or self.version == self.record.version:
            return {}
        return meanwhile.opened_with(self.desk.town, self.actor, self.record, self.version)

    @property
    def removable(self) -> list[tuple[str, str]]:
        """Names and labels of masked values that can be taken out, since an input that is empty leaves them."""
        if self.record is None:
            return []
        fields = [self.type.fields[name] for name in self.names if name in self.record.masked]
        return [(field.name, field.label) for field in fields if not field.required]

    def sections(self) -> list[FormSection]:
        """The sheets of the form, without empty ones."""
        wrong = {path.partition(".")[0] for path in self.form.errors}
        made: list[FormSection] = []
        for section in self.type.sections:
            names = tuple(name for name in section.fields if name in self.names)
            if names:
                bad = any(name in wrong for name in names)
                later = self.record is None and len(made) >= OPEN_SECTIONS and not bad and self._can_wait(names)
                made.append(FormSection(section.name, section.label, section.help, names, bad, later))
        return made

    def _can_wait(self, names: tuple[str, ...]) -> bool:
        """Whether a sheet of a new record's form asks for nothing that is needed, and nothing stands in it yet."""
        fields = [self.type.fields[name] for name in names]
        if self.request.method == "POST" or any(field.type_name == "answers" for field in fields):
            return False  # somebody may have unfolded it, and questions come and go with what is chosen above
        return not any(
            ((field.required or field.require_if is not None) and field.default is None)
            or (field.default is None and not field.is_empty(self.form.initial.get(field.name)))
            for field in fields
        )

    def problems(self) -> list[tuple[str, str]]:
        """What is wrong, as ``(id of the input, sentence)``."""
        listed = [(id, talking.about(label, _lower(message))) for id, label, message in self.form.error_list]
        return [("", sentence) for sentence in self.whole] + listed + [*self.wrong.items()]

    # -- saving -----------------------------------------------------------------------------------------------

    def save(self) -> Record | None:
        """Save what was typed. ``None`` means that the form has to be shown again, with its problems."""
        if self.form.redraw:
            return None
        given, self.wrong = standard_inputs.values(self.desk.town, self.standard, self.request.form)
        if not self.form.validate(state=self._state()) or self.wrong:
            return None
        try:
            return self._write(given)
        except ValidationFailed as error:
            self._tell(error.errors)
        except Rejected as error:
            self._tell({error.field: str(error)})
        except Conflict as error:
            self._compare(error.current)
            if not self.differences:
                return error.current  # a colleague saved the same
        return None

    def _state(self) -> str:
        if self.record is not None:
            return self.record.state
        return self.type.workflow.initial if self.type.workflow is not None else ""

    def _write(self, given: Mapping[str, Any]) -> Record:
        records = self.desk.town.records
        if self.record is None:
            made = records.create(self.actor, self.type.identity, {**self.form.values, **given})
            if self.call is not None:
                talking.opened(self.desk.town, self.actor, self.call, made)
            return made
        typed = masking.typed(self.type, self.record, self.form.values, self.request.form.getlist("remove"))
        changed = {name: value for name, value in typed.items() if value != self.record.values.get(name, _NOTHING)}
        return records.update(self.actor, self.type.identity, self.record.id, changed, version=self.version)

    def _tell(self, errors: Mapping[str, str]) -> None:
        own = {path: text for path, text in errors.items() if path.partition(".")[0] in self.names}
        self.whole += [self._named(path, text) for path, text in errors.items() if path not in own]
        self.form.add_errors(own)

    def _named(self, path: str, text: str) -> str:
        field = self.type.field(path.partition(".")[0])
        return f"{field.label}: {_lower(text)}" if field is not None else text

    def _compare(self, current: Record) -> None:
        """Say what a colleague changed meanwhile; saving again then keeps what stands in the form.

        What was not touched in the form takes what the colleague saved, so that nobody undoes it without knowing.
        """
        writer = FactWriter(self.desk.town.context(self.actor), self.desk.presenter)
        before = meanwhile.opened_with(self.desk.town, self.actor, current, self.version)
        for name in self.names:
            if name in current.masked or name not in self.form.values:
                continue  # nobody is told what it is now, or nothing could be typed into it
            theirs, yours = current.values.get(name), self.form.values[name]
            field = self.type.fields[name]
            if field.type_name == "files" and name in before:
                yours = meanwhile.both(before[name], theirs, yours)
            untouched = meanwhile.is_untouched(before, name, yours)
            if theirs != yours:
                told = [writer.html(current, field, value) for value in (theirs, yours)]
                self.differences.append(Difference(field.label, told[0], told[1], kept=untouched))
            stands = theirs if untouched else yours
            if stands != self.form.values[name]:
                self.form.fill(name, stands)
        self.version = current.version
        self.record = current


_NOTHING = object()


def _lower(text: str) -> str:
    """A sentence after a colon starts small, unless its first word is all capitals or a quotation."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def lookup_of(record_type: RecordType) -> Callable[[str], str]:
    """Where a form of the type asks for records that a link may point at, by the link's path."""
    base = urls.list_url(record_type.identity)
    return lambda path: f"{base}lookup/{path}.json"


def file_url(stored: StoredFile) -> str:
    """Where a kept file can be looked at; one that belongs to no record yet can't."""
    return f"{urls.FILES}{stored.id}" if stored.token.startswith("kept-") else ""


# -- what a form is opened with ---------------------------------------------------------------------------------


def prefilled(desk: Desk, actor: Actor, record_type: RecordType, request: Request) -> dict[str, Any]:
    """First values of a new record: defaults, ``?contact=7``, ``?from=grants.round:3`` and ``?field=value``."""
    town, arguments = desk.town, request.args
    source = _opened_from(town, actor, arguments.get("from", ""))
    contact = _opened_from(town, actor, f"{CONTACT}:{arguments['contact']}" if "contact" in arguments else "")
    if contact is None and source is not None:
        contact = source if source.identity == CONTACT else _contact_of(town, actor, source)
    context = town.context(actor)
    values: dict[str, Any] = {}
    for name, field in record_type.fields.items():
        if field.prefill:
            value = _followed(field.prefill, contact, actor, _behind(record_type, field.prefill, source))
            if value is not None:
                values[name] = value
        if source is not None and field.target == source.identity and name not in values:
            first = not any(
                other.target == source.identity for other in record_type.fields.values() if other.name in values
            )
            if first:
                values[name] = (source.id,) if field.many_targets else source.id
        if source is not None and field.type_name == "reference" and name not in values:
            values[name] = Reference(source.identity, source.id)
        if name in arguments and field.privacy != "confidential":
            try:
                values[name] = field.parse(arguments[name], context)
            except Invalid:
                continue
    _name_contact(record_type, contact, values)
    return values


def _name_contact(record_type: RecordType, contact: Record | None, values: dict[str, Any]) -> None:
    """Put the contact that a form is opened from where the type's contact stands, if nothing else has."""
    first = record_type.contacts[0] if record_type.contacts else ""
    field = record_type.fields.get(first)
    if contact is not None and field is not None and field.target == CONTACT and first not in values:
        values[first] = (contact.id,) if field.many_targets else contact.id


def _opened_from(town: Town, actor: Actor, name: str) -> Record | None:
    identity, _, id = name.partition(":")
    if identity not in town.schemas:
        return None
    try:
        return town.records.get(actor, identity, urls.number(id))
    except NotFound:
        return None


def _contact_of(town: Town, actor: Actor, source: Record) -> Record | None:
    for path in source.type.contacts:
        field = source.type.fields.get(path)
        value = source.values.get(path) if field is not None else None
        if isinstance(value, tuple):
            value = value[0] if value else None
        if isinstance(value, int):
            return _opened_from(town, actor, f"{CONTACT}:{value}")
    return None


def _behind(record_type: RecordType, path: str, source: Record | None) -> Record | None:
    """The record behind the link that a ``prefill`` path begins with, if the form is opened from it."""
    link = record_type.fields.get(path.partition(".")[0])
    return source if source is not None and link is not None and link.target == source.identity else None


def _followed(path: str, contact: Record | None, actor: Actor, linked: Record | None) -> Any:
    """The value at a ``prefill`` path: of the record or contact that the form is opened from, or of who opens it."""
    first, _, rest = path.partition(".")
    if linked is not None:
        return linked.id if rest == "id" else linked.get(rest)
    if first == "actor":
        return actor.name if rest == "name" else actor.id
    if first != "contact" or contact is None:
        return None
    if rest == "id":
        return contact.id
    if rest in contact.type.all_fields:
        return contact.get(rest)
    rows, column = {
        "email": ("emails", "address"),
        "phone": ("phones", "number"),
        "address": ("addresses", "address"),
    }.get(rest, ("", ""))
    found = contact.values.get(rows) or ()
    best = next((row for row in found if row.get("primary")), found[0] if found else {})
    return best.get(column)
