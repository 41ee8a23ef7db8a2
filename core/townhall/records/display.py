"""Values in plain words, and titles for whoever may not read the stored ones (:mod:`townhall.records.naming`)."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall.records.naming import Told
from townhall_forms.context import Context
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

Titles = Mapping[tuple[str, int], str]


def text(field: Field, value: Any, names: Titles, context: Context) -> str:
    """A value in plain words, with the titles that were fetched for it; links that can't be named are left out."""
    if value is None:
        return ""
    if field.target or field.type_name == "reference":
        return ", ".join(names[point] for point in field.references(value) if point in names)
    return field.display(value, context)


def title(
    town: Town,
    told: Told,
    record_type: RecordType,
    get: Callable[[str], Any],
    fields: Mapping[str, Field],
    names: Titles,
    context: Context,
) -> str:
    """The title made of what somebody is told of it; the type's label when that is nothing.

    ``get`` gives the values of ``fields``, and the number.
    """

    def part(path: str) -> str:
        if path not in told.paths:
            return ""
        if path == "number":
            return str(get(path) or "")
        first, _, rest = path.partition(".")
        field = fields.get(first)
        if field is None:
            return ""
        value = get(first)
        return _behind(town, field, value, rest, context) if rest else text(field, value, names, context)

    return record_type.title.render(part) or record_type.label


def _behind(town: Town, field: Field, value: Any, name: str, context: Context) -> str:
    """The text of a field of the record that a link points at."""
    target = town.schemas.get(field.target)
    reached = target.field(name) if target is not None else None
    if value is None or reached is None:
        return ""
    return reached.display(context.value_of(field.target, value, name), context)
