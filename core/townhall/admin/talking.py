"""Notes, messages and logged calls: every one of them is an interaction, written through records."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.admin import urls
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.records.types import Record
from townhall_forms.values import Reference

if TYPE_CHECKING:
    from townhall.town import Town

INTERACTION = "core.interaction"
CONTACT = "core.contact"
#: The ways that the quick log offers, as ``(value, label, icon)``.
WAYS = (
    ("phone", "Phone", "phone"),
    ("email", "E-mail", "mail"),
    ("letter", "Letter", "letter"),
    ("visit", "Visit", "visit"),
)


def note(town: Town, actor: Actor, record: Record, text: str, contact_id: int | None) -> Record:
    """Keep a note between colleagues about a record."""
    if not text.strip():
        raise ValidationFailed({"text": "Write the note first."})
    values: dict[str, Any] = {
        "channel": "other",
        "direction": "internal",
        "at": town.clock.now(),
        "about": Reference(record.identity, record.id),
        "body": text,
        "handled_by": actor.id,
    }
    if record.identity == CONTACT:
        values |= {"contact": record.id, "about": None}
    elif contact_id is not None:
        values["contact"] = contact_id
    return town.records.create(actor, INTERACTION, values)


def message(town: Town, actor: Actor, record: Record, text: str, way: str) -> Record:
    """Write to the citizen, in the way that was chosen: they read it on the page that their secret link opens too.

    Raises :class:`~townhall.errors.Rejected` for a way that there isn't, or that doesn't reach them.
    """
    if not text.strip():
        raise ValidationFailed({"text": "Write the message first."})
    return town.records.message(actor, record.identity, record.id, text, way=way)


def log_contact(town: Town, actor: Actor, contact_id: int | None, sent: Mapping[str, str]) -> Record:
    """Keep a call, visit, letter or e-mail with somebody, from the few fields of the quick log."""
    errors: dict[str, str] = {}
    text = sent.get("note", "").strip()
    if not text:
        errors["note"] = "Write a few words about what was said."
    remind: date | None = None
    if sent.get("remind", "").strip():
        try:
            remind = date.fromisoformat(sent["remind"].strip())
        except ValueError:
            errors["remind"] = "Enter the day like 2026-11-24, or leave it empty."
        if remind is not None and remind < town.clock.now().astimezone(town.zone).date():
            errors["remind"] = "That day is over. Choose today or a later one, or leave it empty."
    about = reference(sent.get("about", ""))
    if errors:
        raise ValidationFailed(errors)
    channel = sent.get("how", "phone")
    values: dict[str, Any] = {
        "channel": channel if channel in {value for value, _, _ in WAYS} else "other",
        "direction": "out" if sent.get("out") else "in",
        "at": town.clock.now(),
        "contact": contact_id,
        "about": about,
        "body": text,
        "follow_up": remind,
        "handled_by": actor.id,
    }
    return town.records.create(actor, INTERACTION, values)


def opened(town: Town, actor: Actor, call: Record, record: Record) -> None:
    """Say of a call that a record was made of it, as far as nobody said before what it is about."""
    if call.values.get("about") is not None or not town.records.may_ask(actor, INTERACTION, "about", "outcome"):
        return
    values: dict[str, Any] = {"about": Reference(record.identity, record.id)}
    if not call.values.get("outcome"):
        values["outcome"] = "case_opened"
    with suppress(TownhallError):  # who may only log calls, and not change them, has the case nevertheless
        town.records.update(actor, INTERACTION, call.id, values, version=call.version)


def reference(text: str) -> Reference | None:
    """``grants.application:7`` as a reference; ``None`` for anything else."""
    identity, _, id = text.partition(":")
    return Reference(identity, urls.number(id)) if identity and urls.number(id) else None


def about(label: str, message: str) -> str:
    """What is wrong with a field, after its label. A label that is a question needs no colon."""
    if not label:
        return message
    return f"{label} {message[:1].upper()}{message[1:]}" if label.endswith(("?", ":", "!")) else f"{label}: {message}"
