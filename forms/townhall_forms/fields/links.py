"""Pointing at other records and at people who work here: link, links, reference, staff.

No type here asks whether a record exists: that would be a query for each value. Records check
:meth:`Field.references` in one query for each target.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from townhall_forms.context import Context
from townhall_forms.context import Option
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import EQUALITY
from townhall_forms.fields.base import LARGEST_INTEGER
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import ColumnKind
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import OneColumn
from townhall_forms.fields.choices import LONGEST_LABEL
from townhall_forms.fields.choices import check_number
from townhall_forms.fields.choices import join_list
from townhall_forms.fields.choices import split_list
from townhall_forms.text import normalise
from townhall_forms.text import whole_number
from townhall_forms.values import Reference

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

_REFERENCE = re.compile(r"([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)[:/]([0-9]{1,19})")


def read_id(raw: Any) -> int:
    """A record's id from a number, its digits, ``{"id": ...}`` or an option."""
    if isinstance(raw, Option):
        raw = raw.id
    elif isinstance(raw, Mapping):
        raw = raw.get("id")
    if isinstance(raw, str):
        raw = whole_number(raw)
    if type(raw) is int and 0 < raw <= LARGEST_INTEGER:
        return raw
    raise Invalid("Choose one from the list.")


class Link(OneColumn):
    """One record of type ``to``."""

    type_name: ClassVar[str] = "link"
    kind: ClassVar[ColumnKind] = "integer"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"to", "where", "panel"})
    widget: ClassVar[str] = "link"
    sortable: ClassVar[bool] = False

    @property
    def target(self) -> str:
        """The type it points at."""
        return self.to

    def columns(self) -> Sequence[Column]:
        """The id, indexed: every link is followed backwards too."""
        return (Column(self.name, "integer", index=True),)

    def parse(self, raw: Any, context: Context) -> int | None:
        """The id."""
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        return raw if type(raw) is int and 0 < raw <= LARGEST_INTEGER else read_id(raw)

    def references(self, value: Any) -> Sequence[tuple[str, int]]:
        """The one record."""
        return () if value is None else ((self.to, value),)

    def display(self, value: Any, context: Context) -> str:
        """Title of the record."""
        return "" if value is None else context.titles(self.to, (value,)).get(value, "")

    def json_schema(self) -> dict[str, Any]:
        """The id."""
        return {"type": "integer", "minimum": 1}


class Links(Field):
    """Several records of type ``to``, in order; ``min`` and ``max`` limit how many."""

    type_name: ClassVar[str] = "links"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"to", "where", "panel", "min", "max"})
    operators: ClassVar[frozenset[str]] = EQUALITY | {"contains"}
    widget: ClassVar[str] = "links"
    outside: ClassVar[bool] = True
    grouped: ClassVar[bool] = True
    sortable: ClassVar[bool] = False

    @property
    def target(self) -> str:
        """The type they point at."""
        return self.to

    @property
    def many_targets(self) -> bool:
        """Several at once."""
        return True

    def columns(self) -> Sequence[Column]:
        """None: they have a table of their own."""
        return ()

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """None."""
        return {}

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """Read from their own table."""
        return None

    def parse(self, raw: Any, context: Context) -> tuple[int, ...] | None:
        """The ids, each once, in the order given."""
        ids = tuple(dict.fromkeys(map(read_id, split_list(raw))))
        if not ids:
            return None
        check_number(len(ids), self.min, self.max, "Choose")
        return ids

    def references(self, value: Any) -> Sequence[tuple[str, int]]:
        """Each of the records."""
        return tuple((self.to, id) for id in value or ())

    def extract(
        self, data: MultiDict[str, str], files: MultiDict[str, Any], prefix: str, context: Context
    ) -> list[str]:
        """Every chosen id."""
        return [value for value in data.getlist(prefix) if value]

    def raw(self, value: Any, context: Context) -> list[str]:
        """The ids as text."""
        return [str(id) for id in value or ()]

    def display(self, value: Any, context: Context) -> str:
        """Titles with commas."""
        titles = context.titles(self.to, value) if value else {}
        return ", ".join(titles[id] for id in value or () if id in titles)

    def to_csv(self, value: Any, context: Context) -> str:
        """Ids with ``;`` between them."""
        return join_list(value or ())

    def to_json(self, value: Any) -> list[int]:
        """A list of ids."""
        return list(value or ())

    def json_schema(self) -> dict[str, Any]:
        """A list of ids."""
        return {"type": "array", "items": {"type": "integer", "minimum": 1}, "uniqueItems": True}


class ReferenceField(Field):
    """Any record of any type, which may be of a plugin that is not there."""

    type_name: ClassVar[str] = "reference"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"panel"})
    operators: ClassVar[frozenset[str]] = frozenset({"eq", "ne", "in", "not_in", "empty"})
    widget: ClassVar[str] = "reference"
    sortable: ClassVar[bool] = False

    def columns(self) -> Sequence[Column]:
        """Type and id."""
        return (Column(f"{self.name}_type", "text"), Column(f"{self.name}_id", "integer", index=True))

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """Both columns."""
        identity, id = (value.identity, value.id) if value is not None else (None, None)
        return {f"{self.name}_type": identity, f"{self.name}_id": id}

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """The reference again."""
        id = row[f"{self.name}_id"]
        return None if id is None else Reference(row[f"{self.name}_type"], id)

    def parse(self, raw: Any, context: Context) -> Reference | None:
        """``complaints.service_request:12``, or the number that people use: ``SR-2026-000012``."""
        if isinstance(raw, Reference):
            return raw
        if isinstance(raw, Mapping):
            raw = f"{raw.get('identity', '')}:{raw.get('id', '')}"
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        text = raw.strip() if isinstance(raw, str) else ""
        match = _REFERENCE.fullmatch(text)
        if match is not None:
            return Reference(match[1], int(match[2]))
        found = context.by_number(text) if text else None
        if found is None:
            raise Invalid("Enter the number of a record, as it stands on its page.")
        return Reference(*found)

    def references(self, value: Any) -> Sequence[tuple[str, int]]:
        """The one record."""
        return () if value is None else ((value.identity, value.id),)

    def display(self, value: Any, context: Context) -> str:
        """Title of the record, or its bare reference when it can't be read."""
        return "" if value is None else context.titles(value.identity, (value.id,)).get(value.id, str(value))

    def to_json(self, value: Any) -> dict[str, Any] | None:
        """Type and id."""
        return None if value is None else {"identity": value.identity, "id": value.id}

    def json_schema(self) -> dict[str, Any]:
        """Type and id."""
        return {
            "type": "object",
            "properties": {"identity": {"type": "string"}, "id": {"type": "integer", "minimum": 1}},
            "required": ["identity", "id"],
            "additionalProperties": False,
        }


class Staff(OneColumn):
    """Somebody who works here."""

    type_name: ClassVar[str] = "staff"
    kind: ClassVar[ColumnKind] = "integer"
    operators: ClassVar[frozenset[str]] = EQUALITY
    widget: ClassVar[str] = "select"
    sortable: ClassVar[bool] = False

    def columns(self) -> Sequence[Column]:
        """The id, indexed: people ask for their own work."""
        return (Column(self.name, "integer", index=True),)

    def parse(self, raw: Any, context: Context) -> int | None:
        """The id, from itself or the person's name."""
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        if isinstance(raw, str) and not raw.strip().isdigit():
            name = normalise(raw) if len(raw) <= LONGEST_LABEL else ""
            found = [person.id for person in context.staff() if normalise(person.title) == name]
            if len(found) != 1:
                raise Invalid(f"Nobody called “{raw.strip()[:60]}” works here. Choose somebody from the list.")
            return found[0]
        try:
            return read_id(raw)
        except Invalid as error:
            raise Invalid("Choose somebody from the list.") from error

    def display(self, value: Any, context: Context) -> str:
        """The person's name."""
        if value is None:
            return ""
        return next((person.title for person in context.staff() if person.id == value), "Somebody who has left")

    def to_csv(self, value: Any, context: Context) -> str:
        """The name where it tells who it is, or else the id."""
        if value is None:
            return ""
        people = context.staff()
        name = next((person.title for person in people if person.id == value), "")
        key = normalise(name)
        alone = sum(normalise(person.title) == key for person in people) == 1
        return name if name and alone and not key.isdigit() else str(value)

    def raw(self, value: Any, context: Context) -> str:
        """The id as text."""
        return "" if value is None else str(value)

    def json_schema(self) -> dict[str, Any]:
        """The id."""
        return {"type": "integer", "minimum": 1}
