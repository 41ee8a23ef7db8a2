"""How values compare: what each field type is to a condition, a filter and an evaluator.

About thirty field types are only a dozen kinds of comparison. Python, SQL and JavaScript agree on the kinds.
"""

from __future__ import annotations

from collections.abc import Collection
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
    """How values of ``field`` compare. A vendor's type says it in ``compares``, or compares as what it stores."""
    declared = getattr(field, "compares", None)
    if declared in KINDS:
        return cast(Kind, declared)
    if field.name == "id":
        return "link"
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
    """Looks paths up from one type, and can say what was probably meant.

    ``columns`` are the columns beside the one that a condition belongs to; they come before the record's own fields.
    ``unsure`` are the fields, by identity, of which nothing can be said because they are wrong themselves.
    """

    def __init__(
        self,
        schemas: Schemas,
        record_type: RecordType,
        *,
        columns: Mapping[str, Field] | None = None,
        unsure: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.schemas = schemas
        self.record_type = record_type
        self.columns = columns or {}
        self.unsure = unsure or {}

    def towards(self, record_type: RecordType) -> Resolver:
        """The same, from another type."""
        return Resolver(self.schemas, record_type, unsure=self.unsure)

    def beside(self, columns: Mapping[str, Field]) -> Resolver:
        """The same, from a column of rows."""
        return Resolver(self.schemas, self.record_type, columns=columns, unsure=self.unsure)

    def __call__(self, path: str) -> PathInfo | None:
        """What ``path`` reaches; ``None`` when nothing is there."""
        column = self.columns.get(path)
        if column is not None:
            return info_of(column)
        found = path_info(self.schemas, self.record_type, path)
        return PathInfo("any") if found is None and self._is_unsure(path) else found

    def _is_unsure(self, path: str) -> bool:
        first, _, rest = path.partition(".")
        if first in self.unsure.get(self.record_type.identity, ()):
            return True
        field = self.record_type.field(first)
        if field is None or not rest:
            return False
        return f"{first}.{rest}" in self.unsure.get(self.record_type.identity, ()) or bool(
            field.target in self.unsure and (field.target not in self.schemas or rest in self.unsure[field.target])
        )

    def missing(self, path: str) -> str:
        """A sentence about a path that reaches nothing, with the nearest name that would."""
        first, _, rest = path.partition(".")
        field = self.record_type.field(first)
        if field is None:
            known = {**self.record_type.all_fields, **self.columns}
            return f"there is no field “{first}” in {self.record_type.name}{did_you_mean(first, known)}"
        if not rest:
            return f"“{path}” can't be used here"
        if field.target and field.many_targets:
            return f"“{first}” holds several links, and nothing can look behind them"
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


def resolver(schemas: Schemas, record_type: RecordType) -> Resolver:
    """:func:`path_info` for one type, as conditions want it."""
    return Resolver(schemas, record_type)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean “label”?"`` when something known is near, else nothing."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean “{near[0]}”?" if near else ""


def type_operators(type_name: str) -> list[str]:
    """Operators that mean something for a field type, in the order of the language."""
    known = OPERATORS["any" if type_name == "computed" else _BY_TYPE.get(type_name, "presence")]
    order = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "contains", "starts_with", "between", "empty")
    return [operator for operator in order if operator in known]
