"""Routing rules: from what somebody wrote on screen to something that can be asked about a case.

A rule's parts all have to hold: fields, words, wards, times, channels. What names a field, a value or a kind of case
that doesn't exist can't be saved; a saved rule whose field went away later is left out, and says so where rules are
shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from datetime import time
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import condition_rows
from townhall.errors import ValidationFailed
from townhall.extend.values import Change
from townhall.records import colleagues
from townhall.records.colleagues import Colleagues
from townhall_forms.conditions import Condition
from townhall_forms.context import Context
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.text import normalise
from townhall_forms.text import tokens

if TYPE_CHECKING:
    from townhall.records.types import Record
    from townhall.town import Town

#: Days of the week by the word that a rule uses, Monday being 0.
_DAYS: Mapping[str, frozenset[int]] = {
    "every": frozenset(range(7)),
    "weekdays": frozenset(range(5)),
    "weekend": frozenset({5, 6}),
    **{str(day): frozenset({day}) for day in range(7)},
}
#: What a record is only given as it is written, and so after it was routed.
_NOT_YET = ("id", "number", "title")


@dataclass(frozen=True, slots=True)
class Span:
    """A time of the week: from a time of day on some days until another, perhaps on the next day."""

    days: frozenset[int]
    starts: time
    ends: time | None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment of the town's clock lies in it."""
        day, now = moment.weekday(), moment.time()
        if self.ends is None or self.starts < self.ends:
            return day in self.days and now >= self.starts and (self.ends is None or now < self.ends)
        return (day in self.days and now >= self.starts) or ((day - 1) % 7 in self.days and now < self.ends)


@dataclass(frozen=True, slots=True)
class Route:
    """A rule, ready to be asked. ``problem`` says in a sentence why it can't be used."""

    id: int
    name: str
    order: int
    identity: str
    condition: Condition | None
    words: re.Pattern[str] | None
    wards: frozenset[int]
    times: tuple[Span, ...]
    channels: frozenset[str]
    queue: int | None
    person: int | None
    priority: str
    acknowledgement: str = ""
    problem: str = ""


def read_route(town: Town, record: Record) -> Route:
    """The rule of a record; with a ``problem`` if something that it names is not there any more."""
    errors: dict[str, str] = {}
    return _route(town, record.id, record.values, errors, system())


def check(town: Town, change: Change) -> dict[str, Any]:
    """What a rule's values are to be put as: fields by their paths, a priority by its value.

    Raises :class:`~townhall.errors.ValidationFailed` with a sentence for each part that can't be. Whom a rule names
    already may have left since: its other parts can be changed all the same.
    """
    errors: dict[str, str] = {}
    values = change.values
    _route(town, 0, values, errors, condition_rows.writer_of(change, "case_type", "conditions"))
    record_type = town.schemas.get(values.get("case_type") or "")
    if values.get("person") is not None and (change.changed("person") or change.changed("case_type")):
        why = in_vain(town, colleagues.read(town), values["person"], record_type)
        errors |= {"person": f"{why} Choose somebody else."} if why else {}
    if errors:
        raise ValidationFailed(errors)
    if record_type is None:
        return {}
    rows = condition_rows.settled(town, record_type, values.get("conditions") or ())
    settled: dict[str, Any] = {}
    if rows:
        settled["conditions"] = rows
    if values.get("priority"):
        settled["priority"] = priority_of(record_type, values["priority"])
    return settled


def in_vain(town: Town, known: Colleagues, person: int, record_type: RecordType | None) -> str:
    """Why a rule for cases of the type, or of all types, gives them to somebody in vain; empty if it doesn't."""
    if record_type is not None:
        return colleagues.in_vain(known, person, record_type)
    found = [colleagues.in_vain(known, person, each) for each in town.schemas.values() if each.is_case]
    return "" if "" in found else next(iter(found), "")


def priority_of(record_type: RecordType, text: str) -> str:
    """The value of the type's choice field ``priority`` that is meant; empty if there is none."""
    field = record_type.fields.get("priority")
    wanted = normalise(text)
    choices = field.choices if field is not None and field.type_name == "choice" else ()
    return next((each.value for each in choices if wanted in (normalise(each.value), normalise(each.label))), "")


def words_of(record_type: RecordType, values: Mapping[str, Any], context: Context) -> str:
    """The words of all texts of a case that are not confidential, a blank around each, a bar between texts.

    Texts are those of its fields, of the columns of its rows, and of its answers to questions.
    """
    found: list[str] = []
    for field in record_type.fields.values():
        value = values.get(field.name)
        if value is None or field.privacy == "confidential":
            continue
        for inner, text in _parts(field, value, values, context):
            if _holds_words(inner) and isinstance(text, str):
                found += [*tokens(text), "|"]
    return f" {' '.join(found)} "


def has_words(record_type: RecordType) -> bool:
    """Whether cases of the type have a text in which :func:`words_of` would look."""
    return any(
        isinstance(field, AnswersField) or any(map(_holds_words, (field, *field.row_fields.values())))
        for field in record_type.fields.values()
        if field.privacy != "confidential"
    )


def _parts(field: Field, value: Any, values: Mapping[str, Any], context: Context) -> Iterable[tuple[Field, Any]]:
    """The single values in the value of a field, each with the field that says what it is."""
    if field.row_fields:
        return [(column, row.get(name)) for row in value for name, column in field.row_fields.items()]
    asked = field.bind(values, context)
    return asked.entries(value) if isinstance(asked, AnswersField) else ((field, value),)


def _holds_words(field: Field) -> bool:
    return field.type_name in ("text", "longtext") and field.privacy != "confidential"


# -- reading --------------------------------------------------------------------------------------------------------


def _route(town: Town, id: int, values: Mapping[str, Any], errors: dict[str, str], writer: Actor) -> Route:
    case_type = values.get("case_type") or ""
    record_type = town.schemas.get(case_type)
    if case_type and record_type is None:
        errors["case_type"] = "The kind of case that it is for is not there any more."
    condition = _condition(town, record_type, values, errors, writer)
    if values.get("wards") and record_type is not None and place_field(record_type) is None:
        errors["wards"] = f"{record_type.label_plural} have no place on the map, so none lies in a ward."
    if values.get("words") and record_type is not None and not has_words(record_type):
        errors["words"] = f"{record_type.label_plural} have no text in which people write words. Leave this empty."
    if values.get("priority") and "case_type" not in errors:
        _check_priority(record_type, values["priority"], errors)
    return Route(
        id=id,
        name=values.get("name") or "",
        order=values.get("order") or 0,
        identity=record_type.identity if record_type is not None else "",
        condition=condition,
        words=_words(values.get("words") or "", errors),
        wards=frozenset(values.get("wards") or ()),
        times=tuple(_span(row, index, errors) for index, row in enumerate(values.get("times") or ())),
        channels=frozenset(values.get("channels") or ()),
        queue=values.get("to_queue"),
        person=values.get("person"),
        priority=values.get("priority") or "",
        acknowledgement=values.get("acknowledgement") or "",
        problem=" ".join(errors.values()),
    )


def place_field(record_type: RecordType) -> Field | None:
    """The type's field that is a point on the map."""
    return next((field for field in record_type.fields.values() if field.type_name == "place"), None)


def _check_priority(record_type: RecordType | None, text: str, errors: dict[str, str]) -> None:
    if record_type is None:
        errors["priority"] = "Say first which kind of case it is: each kind has priorities of its own."
    elif not priority_of(record_type, text):
        field = record_type.fields.get("priority")
        labels = [each.label for each in field.choices] if field is not None and field.type_name == "choice" else []
        known = f"There are {', '.join(labels)}." if labels else f"{record_type.label_plural} have no priority."
        errors["priority"] = f"“{text}” can't be chosen. {known}"


def _words(text: str, errors: dict[str, str]) -> re.Pattern[str] | None:
    """What finds one of the phrases in :func:`words_of`; ``*`` at the end of a word means that it goes on."""
    phrases = []
    for part in text.split(","):
        words = [word for piece in part.split() for word in _patterns(piece)]
        if words:
            phrases.append(" ".join(words))
    if text.strip() and not phrases:
        errors["words"] = "Write words with commas between, for example “estate tax, inheritance”."
    return re.compile(f" (?:{'|'.join(phrases)}) ") if phrases else None


def _patterns(piece: str) -> list[str]:
    words = [re.escape(word) for word in tokens(piece)]
    if words and piece.endswith("*"):
        words[-1] += "[^ ]*"
    return words


def _span(row: Mapping[str, Any], index: int, errors: dict[str, str]) -> Span:
    starts, ends = row.get("starts") or time(), row.get("ends") or None
    if ends is not None and starts == ends:
        errors[f"times.{index}.ends"] = "The time ends when it begins. Leave both empty for the whole day."
    return Span(_DAYS[row["day"]], starts, ends)


def _condition(
    town: Town, record_type: RecordType | None, values: Mapping[str, Any], errors: dict[str, str], writer: Actor
) -> Condition | None:
    rows = values.get("conditions") or ()
    if not rows or "case_type" in errors:
        return None
    if record_type is None:
        errors["case_type"] = "Say which kind of case it is, so that its fields are known."
        return None
    unknown = {
        name: f"A case has no “{record_type.all_fields[name].label}” yet when it is routed. Ask for another field."
        for name in _NOT_YET
    }
    condition, wrong = condition_rows.condition_of(town, record_type, rows, writer=writer, unknown=unknown)
    errors |= wrong
    return condition
