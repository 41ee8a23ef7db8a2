"""What a request is called on its own pages, and in which form its sender may still change it."""

from __future__ import annotations

from townhall.records.types import Record
from townhall_forms.schema import Form


def heading(record: Record) -> str:
    """What a request is called on its own page: its title, of which the public is given what is public."""
    return record.title or record.type.label


def editable(record: Record) -> Form | None:
    """The form in which the sender may still change the record."""
    forms = record.type.forms.values()
    return next((form for form in forms if form.by_owner or (record.state and record.state in form.edit_in)), None)
