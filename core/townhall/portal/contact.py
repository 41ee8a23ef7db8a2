"""The questions about who is writing, which a public form asks with ``contact``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from townhall_forms.context import Context
from townhall_forms.fields import build_field
from townhall_forms.fields.base import Field
from townhall_forms.placeholders import Template
from townhall_forms.schema import Form
from townhall_forms.schema import ListOptions
from townhall_forms.schema import RecordType
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter

#: Name of the step, and how its page is called.
STEP = "contact"
STEP_LABEL = "How can we reach you?"
CONTACT_LABELS = ("Your name", "E-mail", "Phone")
NO_WAY = "Tell us an e-mail address or a phone number, so that we can answer"
NO_NAME = "Enter your name too, so that we know whom we write to"


def wanted(record_type: RecordType, form: Form, values: Mapping[str, Any], context: Context) -> bool:
    """Whether somebody must say who they are: the form asks it of all, or of those with these answers."""
    if form.contact == "required":
        return True
    name = form.contact_field or next(iter(record_type.contacts), "")
    field = record_type.fields.get(name)
    if form.contact == "none" or field is None:
        return False
    if field.required:
        return True
    if field.require_if is None:
        return False
    return field.require_if.evaluate(value_getter(record_type, dict(values), context), environment_of(context))


@lru_cache(maxsize=2)
def contact_type(required: bool) -> RecordType:
    """The contact questions as a type, so that they are asked and checked like every other question."""
    fields: tuple[Field, ...] = (
        build_field(
            "text",
            name="contact_name",
            label=CONTACT_LABELS[0],
            required=required,
            autocomplete="name",
            max_length=120,
        ),
        build_field(
            "email",
            name="contact_email",
            label=CONTACT_LABELS[1],
            help="We write to this address about your request.",
            autocomplete="email",
        ),
        build_field(
            "phone",
            name="contact_phone",
            label=CONTACT_LABELS[2],
            help="An e-mail address or a phone number is enough." if required else "",
            autocomplete="tel",
        ),
    )
    return RecordType(
        plugin="core",
        name="sender",
        label="Sender",
        label_plural="Senders",
        title=Template("{contact_name}"),
        fields={field.name: field for field in fields},
        system_fields={},
        sections=(),
        list=ListOptions(columns=(), sort="", filters=()),
    )


def input_of(path: str) -> str:
    """Name of the input that an error of records (``contact.email``) belongs to."""
    name = path.replace(".", "_")
    return name if name in contact_type(True).fields else "contact_name"


def reachable(values: Mapping[str, Any]) -> bool:
    """Whether the answers hold a way to answer."""
    return bool(values.get("contact_email") or values.get("contact_phone"))


def as_contact(values: Mapping[str, Any]) -> dict[str, str] | None:
    """The answers as records take them; ``None`` if nobody said anything."""
    found = {name: str(values.get(f"contact_{name}") or "") for name in ("name", "email", "phone")}
    return found if any(found.values()) else None
