"""What a request is called on its own pages, and in which form its sender may still change it."""

from __future__ import annotations

from townhall.records.types import Record
from townhall_forms.schema import Form
from townhall_forms.schema import RecordType


def heading(record: Record) -> str:
    """What a request is called on its own page: its title, if that is made of public fields only."""
    return (record.title if title_is_public(record.type) else "") or record.type.label


def title_is_public(record_type: RecordType) -> bool:
    """Whether nothing internal is in the titles of a type."""
    for path in record_type.title.paths:
        field = record_type.field(path.partition(".")[0])
        if field is None or (field.name in record_type.fields and field.privacy != "public"):
            return False
    return True


def editable(record: Record) -> Form | None:
    """The form in which the sender may still change the record."""
    forms = record.type.forms.values()
    return next((form for form in forms if form.by_owner or (record.state and record.state in form.edit_in)), None)
