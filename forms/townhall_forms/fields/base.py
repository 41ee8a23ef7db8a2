"""The protocol of a field type: one class that knows all its faces.

storage (:meth:`Field.columns`, :meth:`Field.to_columns`, :meth:`Field.from_columns`), parsing and validation of plain
values (:meth:`Field.parse`), form input (:attr:`Field.control`, :meth:`Field.extract`, :meth:`Field.raw`), filters
(:attr:`Field.operators`), display, CSV, JSON, JSON Schema and search text.

Validation lives here and nowhere else: forms, imports, the command line and any API all call :meth:`Field.parse`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from json.encoder import encode_basestring
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar
from typing import Literal

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from townhall_forms.conditions import Condition
    from townhall_forms.context import Context
    from townhall_forms.schema import Choice
    from townhall_forms.schema import Privacy

#: Compact JSON with sorted keys: the same value always gives the same text.
encode_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
#: The same for what is known to be text, without asking what it is.
encode_text: Callable[[str], str] = encode_basestring

ColumnKind = Literal["integer", "text", "boolean"]

EQUALITY = frozenset({"eq", "ne", "in", "not_in", "empty"})
ORDER = EQUALITY | {"lt", "lte", "gt", "gte", "between"}
TEXT = EQUALITY | {"contains", "starts_with"}

#: What a 64-bit column holds.
LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a record's table.

    ``integer`` is 64 bits wide; ``text`` is unbounded; ``boolean`` is stored as the engine does. ``index`` asks for an
    index on (column, id). Numbers, instants (microseconds since 1970, UTC) and days (ordinals) are integers, so that
    both engines compare and sort them alike.
    """

    name: str
    kind: ColumnKind
    index: bool = False


@dataclass(frozen=True, eq=False)
class Field:
    """A declared field, bound to its type's behaviour. Subclasses implement one type each.

    The attributes are the keys of ``[fields.NAME]``; ``type_name`` is the value of its ``type`` key.
    A *value* is the canonical Python object of a type (``str``, ``int``, ``Decimal``, ``date``, ...); ``None`` always
    means empty. Two fields are equal only if they are the same object.
    """

    type_name: ClassVar[str]
    #: Keys this type takes besides the common ones.
    extra_keys: ClassVar[frozenset[str]] = frozenset()
    #: Operators a condition or filter may use on it.
    operators: ClassVar[frozenset[str]] = EQUALITY
    #: Name of the template that draws its input, ``townhall_forms/widgets/<widget>.html``.
    widget: ClassVar[str] = "text"
    #: Whether values are kept outside the record's own row (rows, links, files).
    outside: ClassVar[bool] = False
    #: Whether a list can be sorted by it.
    sortable: ClassVar[bool] = True
    #: Names of the parts that its value may be given in, as in ``address.city``; none for a value that is one piece.
    parts: ClassVar[tuple[str, ...]] = ()
    #: Whether its input is several controls, which need a group with a legend instead of a label.
    grouped: ClassVar[bool] = False

    name: str
    label: str
    help: str = ""
    required: bool = False
    default: Any = None
    privacy: Privacy = "internal"
    encrypt: bool = False
    unique: bool = False
    search: bool = False
    read_only: bool = False
    hide: tuple[str, ...] = ()
    show_if: Condition | None = None
    require_if: Condition | None = None
    lock_if: Condition | None = None
    when_hidden: Literal["keep", "clear"] = "keep"
    prefill: str = ""
    autocomplete: str = ""
    unit: str = ""
    choices: tuple[Choice, ...] = ()
    min: Any = None
    max: Any = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str = ""
    pattern_message: str = ""
    to: str = ""
    source: str = ""
    where: Condition | None = None
    panel: str = ""
    currency: str = ""
    decimals: int | None = None
    compute: Mapping[str, Any] | None = None
    stores: str = ""
    accept: tuple[str, ...] = ()
    max_size: int | None = None
    row_fields: Mapping[str, Field] = dataclass_field(default_factory=dict)
    extra: Mapping[str, Any] = dataclass_field(default_factory=dict)

    # -- what it is -------------------------------------------------------------------------------------------

    @property
    def target(self) -> str:
        """Identity of the type that this field links to; empty for a field that is no link."""
        return ""

    @property
    def many_targets(self) -> bool:
        """Whether it holds several links at once."""
        return False

    @property
    def is_computed(self) -> bool:
        """Whether its value is worked out from other values, and never typed."""
        return self.compute is not None

    @property
    def can_encrypt(self) -> bool:
        """Whether its values can be kept encrypted: nothing is worked out from them, compared with them or joined."""
        alone = not (self.outside or self.is_computed or self.unique or self.target)
        return alone and self.type_name not in ("reference", "staff")

    @property
    def control(self) -> str:
        """Name of the template that really draws its input; by default the type's :attr:`widget`."""
        return self.widget

    def bind(self, values: Mapping[str, Any], context: Context) -> Field:
        """The field as it stands in a record with these values; ``answers`` find their questions here."""
        return self

    def revise(self, old: Any, new: Any) -> Any:
        """The value to keep when ``new`` replaces ``old``; ``questions`` count their version here."""
        return new

    def references(self, value: Any) -> Sequence[tuple[str, int]]:
        """Identity and id of every record that the value points at."""
        return ()

    # -- storage ----------------------------------------------------------------------------------------------

    @property
    def key_column(self) -> str:
        """Name of the column with the value's normalised text, by which text is compared; empty if there is none."""
        return ""

    @property
    def sort_column(self) -> str:
        """Name of the column that lists are sorted by; empty if they can't be."""
        return (self.key_column or self.name) if self.sortable and not self.outside else ""

    def columns(self) -> Sequence[Column]:
        """Columns in the record's own table; none for a field that is kept ``outside``."""
        raise NotImplementedError

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """Column values of a value, ``None`` included, in the order of :meth:`columns`."""
        raise NotImplementedError

    def cells(self, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """What :meth:`to_columns` makes of many values, ``None`` among them: for each column all its cells."""
        empty = (None,) * len(self.columns())
        rows = [empty if value is None else tuple(self.to_columns(value).values()) for value in values]
        return list(zip(*rows, strict=True))

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """The value of a row's columns."""
        raise NotImplementedError

    # -- plain values -----------------------------------------------------------------------------------------

    def parse(self, raw: Any, context: Context) -> Any:
        """Turn what somebody gave (text from a form or CSV, JSON, or a value already) into a value.

        Whether it may be empty is not decided here. Raises :class:`~townhall_forms.errors.Invalid`.
        """
        raise NotImplementedError

    def is_empty(self, value: Any) -> bool:
        """Whether the value counts as nothing entered."""
        return value is None or (not value and (value == "" or value == () or value == []))

    # -- form -------------------------------------------------------------------------------------------------

    def extract(self, data: MultiDict[str, str], files: MultiDict[str, Any], prefix: str, context: Context) -> Any:
        """Take the raw input out of a submitted form; what :meth:`parse` and :meth:`raw` understand."""
        return data.get(prefix, "")

    def raw(self, value: Any, context: Context) -> Any:
        """The raw input that would be parsed to ``value``; fills a form."""
        return "" if value is None else self.to_csv(value, context)

    # -- reading ----------------------------------------------------------------------------------------------

    def display(self, value: Any, context: Context) -> str:
        """Plain text for people."""
        return "" if value is None else str(value)

    def to_csv(self, value: Any, context: Context) -> str:
        """Text that :meth:`parse` reads back to the same value."""
        return "" if value is None else str(value)

    def to_json(self, value: Any) -> Any:
        """JSON that :meth:`parse` reads back to the same value."""
        return value

    def json_text(self, value: Any) -> str:
        """:meth:`to_json` as compact text with sorted keys, which history keeps and digests."""
        told = self.to_json(value)
        return encode_text(told) if type(told) is str else encode_json(told)

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of :meth:`to_json`'s result."""
        raise NotImplementedError

    def search_text(self, value: Any, context: Context) -> str:
        """Words under which the record can be found by this value."""
        return self.display(value, context)


class OneColumn(Field):
    """A field whose value stands in one column of its own name; the column's kind is :attr:`kind`."""

    kind: ClassVar[ColumnKind] = "text"

    def columns(self) -> Sequence[Column]:
        """One column."""
        return (Column(self.name, self.kind, index=self.unique),)

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """The stored value under the field's name."""
        return {self.name: None if value is None else self.store(value)}

    def cells(self, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """One column: the values themselves, where that is how they are stored."""
        if type(self).to_columns is not OneColumn.to_columns:
            return super().cells(values)
        if type(self).store is OneColumn.store:
            return (values,)
        store = self.store
        return ([None if value is None else store(value) for value in values],)

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """The value of the column."""
        stored = row[self.name]
        return None if stored is None else self.load(stored)

    def store(self, value: Any) -> Any:
        """What the column holds for a value that is not empty."""
        return value

    def load(self, stored: Any) -> Any:
        """The value of what the column holds."""
        return stored
