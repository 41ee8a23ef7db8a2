"""The field types. ``FIELD_TYPES`` has each by its name; vendors add theirs with :func:`register`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from typing import ClassVar

from townhall_forms.errors import FormsError
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import OneColumn
from townhall_forms.fields.choices import Boolean
from townhall_forms.fields.choices import ChoiceField
from townhall_forms.fields.choices import ChoicesField
from townhall_forms.fields.dates import DateField
from townhall_forms.fields.dates import DateTimeField
from townhall_forms.fields.dates import TimeField
from townhall_forms.fields.files import FileField
from townhall_forms.fields.files import FilesField
from townhall_forms.fields.links import Link
from townhall_forms.fields.links import Links
from townhall_forms.fields.links import ReferenceField
from townhall_forms.fields.links import Staff
from townhall_forms.fields.numbers import DecimalNumber
from townhall_forms.fields.numbers import Integer
from townhall_forms.fields.numbers import MoneyField
from townhall_forms.fields.numbers import Percent
from townhall_forms.fields.numbers import Year
from townhall_forms.fields.places import AddressField
from townhall_forms.fields.places import PlaceField
from townhall_forms.fields.questions import QuestionsField
from townhall_forms.fields.rows import Rows
from townhall_forms.fields.text import Country
from townhall_forms.fields.text import Email
from townhall_forms.fields.text import Language
from townhall_forms.fields.text import LongText
from townhall_forms.fields.text import Phone
from townhall_forms.fields.text import Text
from townhall_forms.fields.text import Url

__all__ = ["FIELD_TYPES", "Column", "Computed", "Field", "OneColumn", "build_field", "is_built_in", "register"]


class Computed(Field):
    """A value that is worked out, not typed. :func:`build_field` makes a field of the type that it stores instead."""

    type_name: ClassVar[str] = "computed"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"compute", "stores", "decimals", "currency", "unit"})


#: What a computation stores when the schema does not say it.
_RESULTS: Mapping[str, str] = {
    "count": "integer",
    "days_between": "integer",
    "average": "decimal",
    "sum": "decimal",
    "hook": "text",
}

_types: dict[str, type[Field]] = {
    kind.type_name: kind
    for kind in (
        Text,
        LongText,
        Integer,
        DecimalNumber,
        MoneyField,
        Boolean,
        DateField,
        DateTimeField,
        TimeField,
        ChoiceField,
        ChoicesField,
        Email,
        Phone,
        Url,
        AddressField,
        PlaceField,
        FileField,
        FilesField,
        Link,
        Links,
        ReferenceField,
        Rows,
        QuestionsField,
        AnswersField,
        Staff,
        Computed,
        Year,
        Percent,
        Language,
        Country,
    )
}

#: Every known field type, by the value of a field's ``type`` key.
FIELD_TYPES: Mapping[str, type[Field]] = MappingProxyType(_types)


def is_built_in(kind: type) -> bool:
    """Whether a field type is one of the language's own, and not one that a plugin brought."""
    return kind.__module__.startswith("townhall_forms.")


def register(kind: type[Field]) -> type[Field]:
    """Make a field type known under its ``type_name``; may be used as a decorator.

    A type that needs columns of its own says in ``stores`` of its fields which built-in type can read its values
    when its code is gone.
    """
    known = _types.get(kind.type_name)
    if known is not None and (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
        raise FormsError(f"There is a field type called {kind.type_name!r} already. Give yours another name.")
    _types[kind.type_name] = kind
    return kind


def build_field(type_name: str, **attributes: Any) -> Field:
    """A field of a type, with the attributes of :class:`Field`.

    A type that is not known is read as the type that it ``stores``; a computed one is a read-only field of that type.
    """
    if type_name == "computed":
        compute = attributes.get("compute") or {}
        stores = attributes.get("stores") or next((_RESULTS[key] for key in compute if key in _RESULTS), "text")
        attributes |= {"compute": compute, "read_only": True, "stores": stores}
        type_name = stores
    kind = _types.get(type_name) or _types.get(attributes.get("stores", ""))
    if kind is None or kind is Computed:
        raise FormsError(f"There is no field type called {type_name!r}.")
    return kind(**attributes)
