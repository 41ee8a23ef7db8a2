"""Which ``{placeholders}`` the words of a message may hold, and what they stand for on one record.

They are resolved as what the citizen may see: nothing internal or confidential. A subject can be read on a locked
telephone and in the lists of many mail servers, so a record's own fields are filled in there only if anybody may see
the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.errors import NotFound
from townhall.records import assembling
from townhall.records import display
from townhall.records import reading
from townhall.records.people import CONTACT
from townhall.records.plans import title_path_is_public
from townhall.records.types import Record
from townhall_forms.placeholders import InvalidTemplate
from townhall_forms.placeholders import Template
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: Stands in a text for the secret link until the message goes out.
LINK = "\ue000"
#: What is there for every case, with what it stands for.
STANDARD: Mapping[str, str] = {
    "name": "the name of the person who gets it",
    "number": "the number of the case",
    "state": "how far it is, in the public's words",
    "link": "the link to its status page",
    "town": "the town's name",
    "message": "what a colleague wrote when they moved the case",
}
#: What is there for a mail about a person and no case.
PERSONAL: Mapping[str, str] = {
    "town": STANDARD["town"],
    "link": "the link that this is about; not every mail has one",
    "minutes": "how long a link to their requests works",
    "change": "what was changed, in a sentence",
}
#: As many are named where one is unknown; the preview lists all.
_NAMED = 14
#: What is no text of a line or two.
_NO_TEXT = frozenset({"file", "files", "rows", "questions", "answers", "reference", "place", "boolean"})
_STANDARD_FIELDS = ("title", "created", "closed")
#: Those that may stand in a subject of a record that not everybody may see.
_IN_SUBJECTS = ("number", "state", "town")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the placeholders of one message stand for: about ``record``, as the citizen sees it."""

    record: Record
    name: str = ""
    message: str = ""


def known(town: Town, record_type: RecordType, *, subject: bool = False) -> Mapping[str, str]:
    """The placeholders that a text about records of this type may hold, each with what it stands for."""
    if record_type.identity == CONTACT:
        return {name: words for name, words in PERSONAL.items() if not subject or name == "town"}
    if not subject:
        return {**STANDARD, **dict(_fields(town, record_type))}
    own = {name: STANDARD[name] for name in _IN_SUBJECTS}
    return {**own, **dict(_fields(town, record_type))} if record_type.public_if is not None else own


def problem(town: Town, record_type: RecordType, text: str, *, subject: bool = False) -> str:
    """What is wrong with the placeholders of a text, in a sentence; empty if nothing is."""
    allowed = known(town, record_type, subject=subject)
    for line in text.splitlines():
        try:
            paths = Template(line).paths
        except InvalidTemplate as error:
            return str(error)
        for path in paths:
            if path not in allowed:
                return _unknown(town, record_type, path, allowed, subject)
    return ""


def resolve(town: Town, facts: Facts, *, subject: bool = False) -> Mapping[str, str]:
    """What each placeholder stands for; a field is looked up when it is asked for."""
    return _Resolved(town, facts, subject)


def _unknown(town: Town, record_type: RecordType, path: str, allowed: Mapping[str, str], subject: bool) -> str:
    there = ", ".join(f"{{{name}}}" for name in list(allowed)[:_NAMED])
    if len(allowed) > _NAMED:
        there += f" and {len(allowed) - _NAMED} more, which the preview of a message lists"
    label = record_type.label.lower()
    if subject and path in known(town, record_type):
        return (
            f"{{{path}}} can't stand in a subject, which strangers may read. Put it into the text. There are {there}."
        )
    if town.schemas.resolve(record_type, path) is not None:
        return f"{{{path}}} is not for the public, so it can't be in a message. There are {there}."
    near = get_close_matches(path, list(allowed), 1)
    hint = f" Did you mean {{{near[0]}}}?" if near else ""
    return f"A {label} has no {{{path}}}.{hint} There are {there}."


def _fields(town: Town, record_type: RecordType) -> Iterator[tuple[str, str]]:
    """Paths of what the public may read of a record, with their labels."""
    for name in _STANDARD_FIELDS:
        field = record_type.system_fields.get(name)
        if field is not None and (name != "title" or _title_is_public(town, record_type)):
            yield name, field.label
    for name, field in record_type.fields.items():
        if name in STANDARD or field.privacy != "public" or field.type_name in _NO_TEXT:
            continue
        if not field.target:
            yield name, field.label
            continue
        if title_path_is_public(town.schemas, record_type, name):
            yield name, field.label
        target = town.schemas.get(field.target)
        if target is None or field.many_targets:
            continue
        for inner, behind in target.fields.items():
            simple = behind.privacy == "public" and behind.type_name not in _NO_TEXT and not behind.target
            if simple:
                yield f"{name}.{inner}", f"{field.label}: {behind.label}"


def _title_is_public(town: Town, record_type: RecordType) -> bool:
    return all(title_path_is_public(town.schemas, record_type, path) for path in record_type.title.paths)


class _Resolved(Mapping[str, str]):
    """The texts of one record's placeholders."""

    def __init__(self, town: Town, facts: Facts, subject: bool) -> None:
        self._town, self._facts, self._subject = town, facts, subject
        self._record = facts.record
        self._type = facts.record.type
        self._reader: Actor = ANONYMOUS if subject else citizen(frozenset({(self._type.identity, self._record.id)}))
        self._known = known(town, self._type, subject=subject)

    @cached_property
    def _open(self) -> bool:
        """Whether the record's own fields may be told at all; most subjects name none."""
        return not self._subject or _anybody_may_see(self._town, self._record)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __getitem__(self, path: str) -> str:
        if path not in self._known:
            return ""
        record, facts = self._record, self._facts
        if path == "state":
            workflow = self._type.workflow
            state = workflow.states.get(record.state) if workflow is not None else None
            return state.public_label if state is not None else ""
        simple = {
            "name": facts.name,
            "number": record.number,
            "town": self._town.settings.name,
            "message": facts.message,
            "change": facts.message,
            "minutes": str(self._town.settings.citizen_link_minutes),
            "link": LINK if self._type.has_status_page or self._type.identity == CONTACT else "",
        }
        if path in simple:
            return simple[path]
        return self._field(path) if self._open else ""

    def _field(self, path: str) -> str:
        record, context = self._record, self._town.context(self._reader)
        if path == "title":
            return record.title
        first, _, rest = path.partition(".")
        field = self._type.all_fields[first]
        value = record.get(first)
        if value is None:
            return ""
        if not field.target:
            return field.bind(record.values, context).display(value, context)
        names = assembling.titles(self._town, self._reader, field.references(value))
        if not rest:
            return display.text(field, value, names, context)
        target = self._town.schemas[field.target]
        if target.public_if is not None and not names:
            return ""
        return target.fields[rest].display(context.value_of(field.target, value, rest), context)


def _anybody_may_see(town: Town, record: Record) -> bool:
    try:
        reading.get(town, ANONYMOUS, record.identity, record.id, fields=())
    except NotFound:
        return False
    return True
