"""How values compare: what each field type is to a condition, a filter and an evaluator.

About thirty field types are only a dozen kinds of comparison. Python, SQL and JavaScript agree on the kinds.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import Literal
from typing import cast
from typing import get_args

if TYPE_CHECKING:
    from townhall_forms.fields.base import Field
    from townhall_forms.schema import RecordType
    from townhall_forms.schema import Schemas

#: text: compared normalised · code: exactly · codes: a set of codes · number: exactly, whatever its scale ·
#: presence: only whether there is something · any: not known before a record is (the answer to a question).
Kind = Literal[
    "text",
    "code",
    "codes",
    "number",
    "boolean",
    "date",
    "datetime",
    "time",
    "link",
    "links",
    "staff",
    "reference",
    "presence",
    "any",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_BY_TYPE: Mapping[str, Kind] = {
    "text": "text",
    "longtext": "text",
    "email": "text",
    "phone": "text",
    "url": "text",
    "integer": "number",
    "decimal": "number",
    "money": "number",
    "year": "number",
    "percent": "number",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
    "choice": "code",
    "language": "code",
    "country": "code",
    "choices": "codes",
    "link": "link",
    "links": "links",
    "staff": "staff",
    "reference": "reference",
}

_ORDERED = frozenset({"eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "between", "empty"})
_SAME = frozenset({"eq", "ne", "in", "not_in", "empty"})
#: Which operators mean something for a kind.
OPERATORS: Mapping[Kind, frozenset[str]] = {
    "text": _SAME | {"contains", "starts_with"},
    "code": _SAME,
    "codes": _SAME | {"contains"},
    "number": _ORDERED,
    "boolean": _SAME,
    "date": _ORDERED,
    "datetime": _ORDERED,
    "time": _ORDERED,
    "link": _SAME,
    "links": _SAME | {"contains"},
    "staff": _SAME,
    "reference": _SAME,
    "presence": frozenset({"empty"}),
    "any": _ORDERED | {"contains", "starts_with"},
}


@dataclass(frozen=True, slots=True)
class PathInfo:
    """What a path of a condition reaches.

    ``many`` says that there can be several values (the column of rows); ``choices`` are the values that a code can
    have, when they are known.
    """

    kind: Kind
    many: bool = False
    choices: frozenset[str] | None = None
    field: Field | None = None

    @property
    def operators(self) -> frozenset[str]:
        """Operators that mean something for it."""
        return OPERATORS[self.kind]


def kind_of(field: Field) -> Kind:
    """How values of ``field`` compare. A vendor's type compares as the type that it stores."""
    declared = getattr(field, "kind", None)
    if declared in KINDS:
        return cast(Kind, declared)
    return _BY_TYPE.get(field.type_name) or _BY_TYPE.get(field.stores) or "presence"


def info_of(field: Field, *, many: bool = False) -> PathInfo:
    """What a path that ends at ``field`` reaches."""
    kind = kind_of(field)
    known = frozenset(choice.value for choice in field.choices) if kind in ("code", "codes") and field.choices else None
    return PathInfo(kind, many, known, field)


def path_info(schemas: Schemas, record_type: RecordType, path: str) -> PathInfo | None:
    """What ``path`` reaches from a record of ``record_type``; ``None`` when nothing is there."""
    resolved = schemas.resolve(record_type, path)
    if resolved is None:
        return None
    if resolved.answer:
        return PathInfo("any", field=resolved.first)
    return info_of(resolved.field, many=resolved.second is not None and resolved.target is None)


class Resolver:
    """Looks paths up from one type, and can say what was probably meant."""

    def __init__(self, schemas: Schemas, record_type: RecordType) -> None:
        self.schemas = schemas
        self.record_type = record_type

    def __call__(self, path: str) -> PathInfo | None:
        """What ``path`` reaches; ``None`` when nothing is there."""
        return path_info(self.schemas, self.record_type, path)

    def missing(self, path: str) -> str:
        """A sentence about a path that reaches nothing, with the nearest name that would."""
        first, _, rest = path.partition(".")
        field = self.record_type.field(first)
        if field is None:
            hint = did_you_mean(first, self.record_type.all_fields)
            return f"there is no field “{first}” in {self.record_type.name}{hint}"
        if not rest:
            return f"“{path}” can't be used here"
        if field.target and field.many_targets:
            return f"“{first}” holds several links, and a condition can't look behind them"
        if field.target:
            target = self.schemas.get(field.target)
            if target is None:
                return f"“{first}” links to {field.target}, which is not there"
            if "." in rest:
                return f"“{path}” goes over more than one link; only one is possible"
            return f"there is no field “{rest}” in {target.identity}{did_you_mean(rest, target.all_fields)}"
        if field.row_fields:
            return f"the rows of “{first}” have no “{rest}”{did_you_mean(rest, field.row_fields)}"
        return f"“{first}” is neither a link, rows nor answers, so nothing stands behind its dot"


class RowResolver(Resolver):
    """Looks paths up for a column of rows: the columns beside it first, then the record's own fields."""

    def __init__(self, schemas: Schemas, record_type: RecordType, columns: Mapping[str, Field]) -> None:
        super().__init__(schemas, record_type)
        self.columns = columns

    def __call__(self, path: str) -> PathInfo | None:
        """What ``path`` reaches; ``None`` when nothing is there."""
        column = self.columns.get(path)
        return info_of(column) if column is not None else super().__call__(path)


def resolver(schemas: Schemas, record_type: RecordType) -> Resolver:
    """:func:`path_info` for one type, as conditions want it."""
    return Resolver(schemas, record_type)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean “label”?"`` when something known is near, else nothing."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean “{near[0]}”?" if near else ""
