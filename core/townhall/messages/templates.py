"""Templates: which words belong to which event of which type, and what they must be like to be saved."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import ValidationFailed
from townhall.extend.values import Change
from townhall.messages import placeholders
from townhall.records import reading
from townhall.records.people import CONTACT
from townhall_forms.schema import RECEIVED
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

if TYPE_CHECKING:
    from townhall.town import Town

TEMPLATE = "core.message_template"
#: What people are told about themselves rather than about a case.
PERSONAL: Mapping[str, str] = {
    "sign_in": "Somebody asks for a link to their requests",
    "shared_address": "They ask, and the address stands with several contacts",
    "confirm_address": "They give a new e-mail address",
    "address_changed": "Their e-mail addresses were changed",
}
_WORDS = ("type", "event", "language", "subject", "body", "once", "active")


@dataclass(frozen=True, slots=True)
class Words:
    """The words for one event: from a template, from the record's category, or from both.

    ``subject`` is empty where only the category has words; ``id`` is the template's, if there is one.
    """

    subject: str
    body: str
    once: bool = False
    id: int | None = None


def types_with_messages(schemas: Schemas) -> Sequence[RecordType]:
    """Types whose records are cases of somebody, who may get messages about them; and contacts, about themselves."""
    cases = [each for each in schemas.values() if each.is_case and each.contacts and not each.frozen]
    return [*cases, schemas[CONTACT]]


def events(record_type: RecordType) -> Mapping[str, str]:
    """The events at which citizens may be told something, each with what it is called."""
    if record_type.identity == CONTACT:
        return PERSONAL
    workflow = record_type.workflow
    if workflow is None:
        return {}
    labels = {RECEIVED: "A case comes in"}
    labels |= {name: workflow.states[name].label for name in workflow.states if name != RECEIVED}
    return {name: labels.get(name, name.replace("_", " ").capitalize()) for name in workflow.events()}


def refusal(town: Town, actor: Actor) -> str:
    """Why the actor may not read what templates say, in a sentence; empty if they may."""
    record_type = town.schemas[TEMPLATE]
    all_of_them = policy.reach(actor, "view", record_type) in ("department", "all")
    if all_of_them and policy.readable(actor, record_type).readable.issuperset(_WORDS):
        return ""
    return "You may not read what residents are told. Ask an administrator if you need to."


def find(
    town: Town,
    record_type: RecordType,
    event: str,
    values: Mapping[str, Any],
    language: Callable[[], str],
    routed: str = "",
) -> Words | None:
    """The words for an event of a record with these values; ``None`` if the town says nothing then.

    What the routing rule that hit says, in ``routed``, or else the record's category, goes before the template of the
    town, and one in the reader's language before the one for all; ``language`` is asked for only if it matters.
    """
    where = {"type": record_type.identity, "event": event}
    found = reading.find(town, system(), TEMPLATE, where, limit=100, fields=_WORDS).records
    spoken = language() if any(each["language"] for each in found) else ""
    chosen = next((each for each in found if spoken and each["language"] == spoken), None)
    chosen = chosen or next((each for each in found if not each["language"]), None)
    active = chosen is not None and bool(chosen["active"])
    own = routed or category_words(town, record_type, event, values)
    if own:
        subject, once = (chosen["subject"], bool(chosen["once"])) if chosen is not None and active else ("", False)
        return Words(subject, own, once, chosen.id if chosen is not None else None)
    if chosen is None or not active:
        return None
    return Words(chosen["subject"], chosen["body"], bool(chosen["once"]), chosen.id)


def category_rows(record_type: RecordType) -> tuple[str, str]:
    """The link of a case to what has words of its own, and the rows there that hold them; empty if there is none."""
    workflow = record_type.workflow
    link, _, rows = (workflow.messages if workflow is not None else "").partition(".")
    return link, rows


def category_words(town: Town, record_type: RecordType, event: str, values: Mapping[str, Any]) -> str:
    """What the record that the workflow's ``messages`` leads to says at this event."""
    link, rows = category_rows(record_type)
    target = values.get(link)
    if not rows or not isinstance(target, int):
        return ""
    lines = town.context(system()).value_of(record_type.fields[link].target, target, rows)
    for line in lines if isinstance(lines, tuple | list) else ():
        if line.get("event") == event and line.get("text"):
            return str(line["text"])
    return ""


# -- what may be saved ------------------------------------------------------------------------------------------------


def check(town: Town, change: Change) -> None:
    """Refuse a template for a type or an event that there isn't, or with a placeholder that stands for nothing.

    Raises :class:`~townhall.errors.ValidationFailed`.
    """
    if change.action in ("archive", "restore"):
        return
    values = change.values
    record_type = town.schemas.get(values.get("type") or "")
    if record_type is None or not events(record_type):
        # A module that is off keeps its templates; what was not changed is not judged.
        if change.action == "create" or change.changed("type"):
            raise ValidationFailed({"type": _no_type(town, values.get("type") or "")})
        return
    errors: dict[str, str] = {}
    is_new = change.action == "create"
    if (is_new or change.changed("event")) and values.get("event") not in events(record_type):
        errors["event"] = _no_event(record_type, values.get("event") or "")
    elif not values.get("language") and _is_there(town, change):
        errors["event"] = "There is a template for this already. Change that one."
    errors |= problems(town, record_type, values)
    if errors:
        raise ValidationFailed(errors)


def problems(town: Town, record_type: RecordType, values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the placeholders of a template's subject and body, in a sentence for each that has some."""
    found = {
        name: placeholders.problem(town, record_type, values.get(name) or "", subject=name == "subject")
        for name in ("subject", "body")
    }
    return {name: sentence for name, sentence in found.items() if sentence}


def _is_there(town: Town, change: Change) -> bool:
    """Whether another template without a language stands for the same: the rule of uniqueness needs a value."""
    where = {"type": change.values["type"], "event": change.values.get("event")}
    found = reading.find(town, system(), TEMPLATE, where, limit=100, fields=("language",)).records
    return any(each.id != change.id and not each["language"] for each in found)


def check_route(town: Town, change: Change) -> None:
    """Refuse the same in what a routing rule tells people. Raises :class:`~townhall.errors.ValidationFailed`."""
    text = change.values.get("acknowledgement") or ""
    if not text or change.action in ("archive", "restore"):
        return
    record_type = town.schemas.get(change.values.get("case_type") or "")
    if record_type is None:
        raise ValidationFailed({"case_type": "Say which kind of case it is, so that what people are told fits it."})
    if sentence := placeholders.problem(town, record_type, text):
        raise ValidationFailed({"acknowledgement": sentence})


def check_category(town: Town, change: Change) -> None:
    """Refuse the same in words that stand in a category, for each type of case that takes its words from there."""
    if change.action in ("archive", "restore"):
        return
    errors: dict[str, str] = {}
    for record_type in town.schemas.values():
        link, rows = category_rows(record_type)
        if not rows or record_type.fields[link].target != change.identity or not change.changed(rows):
            continue
        for index, line in enumerate(change.values.get(rows) or ()):
            if sentence := placeholders.problem(town, record_type, line.get("text") or ""):
                errors[f"{rows}.{index}.text"] = sentence
                errors.setdefault(rows, sentence)
    if errors:
        raise ValidationFailed(errors)


def _no_type(town: Town, name: str) -> str:
    there = [each.identity for each in types_with_messages(town.schemas)]
    near = get_close_matches(name, there, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    listed = f" There are {', '.join(there)}." if there else " No module with cases is switched on."
    return f"There is no type of case called “{name}”.{hint}{listed}"


def _no_event(record_type: RecordType, name: str) -> str:
    there = list(events(record_type))
    near = get_close_matches(name, there, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"Nothing called “{name}” happens to a {record_type.label.lower()}.{hint} There are {', '.join(there)}."
