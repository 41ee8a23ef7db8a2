"""Rows: a small table inside a record, like the lines of a budget."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import Field
from townhall_forms.reading import read_json

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

_LINE = re.compile(r"-([0-9]{1,4})(?:-|$)")
#: No form has more lines than this; it bounds the work that one request can ask for.
MOST_ROWS = 500


class Rows(Field):
    """A list of rows of the same columns (``fields``), kept in a table of their own in their order.

    A value is a tuple of dictionaries that each have every column. ``min`` and ``max`` limit the number of rows.
    """

    type_name: ClassVar[str] = "rows"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"fields", "min", "max"})
    operators: ClassVar[frozenset[str]] = frozenset({"empty"})
    widget: ClassVar[str] = "rows"
    outside: ClassVar[bool] = True
    grouped: ClassVar[bool] = True
    sortable: ClassVar[bool] = False

    # -- storage ----------------------------------------------------------------------------------------------

    def columns(self) -> Sequence[Column]:
        """None: rows have a table of their own, see :attr:`child_columns`."""
        return ()

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """None."""
        return {}

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """Read from their own table."""
        return None

    @cached_property
    def child_columns(self) -> tuple[Column, ...]:
        """Columns of the table of rows, besides its id, parent and position."""
        return tuple(column for field in self.row_fields.values() for column in field.columns())

    def row_to_columns(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Column values of one row."""
        stored: dict[str, Any] = {}
        for name, field in self.row_fields.items():
            stored.update(field.to_columns(row.get(name)))
        return stored

    def row_from_columns(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """One row again."""
        return {name: field.from_columns(stored) for name, field in self.row_fields.items()}

    def references(self, value: Any) -> Sequence[tuple[str, int]]:
        """What the links in the rows point at."""
        links = [field for field in self.row_fields.values() if field.type_name in ("link", "reference")]
        return tuple(found for row in value or () for field in links for found in field.references(row.get(field.name)))

    # -- plain values -----------------------------------------------------------------------------------------

    @cached_property
    def typed(self) -> Mapping[str, Field]:
        """Columns that people fill in."""
        return {name: field for name, field in self.row_fields.items() if not field.is_computed}

    def parse(self, raw: Any, context: Context) -> tuple[dict[str, Any], ...] | None:
        """Rows from a list of mappings, or JSON text of one. Rows with nothing in them are left out.

        Whether a column must be filled is asked with the record's other rules, since a draft may have gaps.
        """
        rows: list[dict[str, Any]] = []
        problems: dict[str, str] = {}
        for index, line in enumerate(self._lines(raw)):
            row = self._row(line, index, problems, context)
            if row is not None:
                rows.append(row)
        if problems:
            first = next(iter(problems.values()))
            raise Invalid(first if len(problems) == 1 else f"{len(problems)} entries need your attention.", problems)
        if not rows:
            return None
        if self.min is not None and len(rows) < self.min:
            raise Invalid(f"Enter at least {self.min} lines.")
        most = MOST_ROWS if self.max is None else self.max
        if len(rows) > most:
            raise Invalid(f"Enter at most {most} lines.")
        return tuple(rows)

    def _lines(self, raw: Any) -> Sequence[Any]:
        if isinstance(raw, str):
            try:
                raw = read_json(raw) if raw.strip() else ()
            except ValueError as error:
                raise Invalid("These lines can't be read. Write them as a JSON list of objects.") from error
        if raw is None:
            return ()
        if not isinstance(raw, list | tuple):
            raise Invalid("Enter a list of lines.")
        return raw

    def row(self, line: Any, context: Context) -> dict[str, Any] | None:
        """One row, or ``None`` if nothing stands in it. Raises :class:`Invalid`, its parts by column."""
        problems: dict[str, str] = {}
        row = self._row(line, 0, problems, context)
        if problems:
            raise Invalid(next(iter(problems.values())), {path.partition(".")[2]: problems[path] for path in problems})
        return row

    def _row(self, line: Any, index: int, problems: dict[str, str], context: Context) -> dict[str, Any] | None:
        if type(line) is not dict and not isinstance(line, Mapping):
            problems[str(index)] = "A line must name its columns."
            return None
        row: dict[str, Any] = dict.fromkeys(self.row_fields)
        filled = False
        for name, given in line.items():
            field = self.typed.get(name)
            if field is None:
                if name not in self.row_fields:
                    problems[f"{index}.{name}"] = f"There is no column called “{name}” here."
                continue
            try:
                value = row[name] = field.parse(given, context)
            except Invalid as error:
                problems[f"{index}.{name}"] = error.message
                for part, message in error.parts.items():
                    problems[f"{index}.{name}.{part}"] = message
                filled = True
                continue
            # A box that is not ticked, and a value that stands there from the start, don't make a line.
            if not filled and value is not None and value is not False and not field.is_empty(value):
                filled = field.default is None or value != self._default(field, context)
        return row if filled else None

    @staticmethod
    def _default(field: Field, context: Context) -> Any:
        if field.default is None:
            return None
        try:
            return field.parse(field.default, context)
        except Invalid:
            return None

    # -- form -------------------------------------------------------------------------------------------------

    def extract(
        self, data: MultiDict[str, str], files: MultiDict[str, Any], prefix: str, context: Context
    ) -> list[dict[str, Any]]:
        """Every line that the form sent, in order; line numbers may have gaps."""
        return [
            {
                name: field.extract(data, files, f"{prefix}-{line}-{name}", context)
                for name, field in self.typed.items()
                if not field.read_only
            }
            for line in self.lines_of(data, prefix)
        ]

    @staticmethod
    def lines_of(data: MultiDict[str, str], prefix: str) -> Iterator[int]:
        """Numbers of the lines that the form sent."""
        numbers = set()
        for key in data:
            if key.startswith(prefix):
                match = _LINE.match(key, len(prefix))
                if match is not None:
                    numbers.add(int(match[1]))
        return iter(sorted(numbers)[:MOST_ROWS])

    def raw(self, value: Any, context: Context) -> list[dict[str, Any]]:
        """Raw input of each line."""
        return [{name: field.raw(row.get(name), context) for name, field in self.typed.items()} for row in value or ()]

    def blank(self, context: Context) -> dict[str, Any]:
        """Raw input of a new line, with its defaults."""
        return {name: field.raw(self._default(field, context), context) for name, field in self.typed.items()}

    # -- reading ----------------------------------------------------------------------------------------------

    def display(self, value: Any, context: Context) -> str:
        """Lines with semicolons, columns with commas."""
        lines = []
        for row in value or ():
            shown = (field.display(row.get(name), context) for name, field in self.row_fields.items())
            lines.append(", ".join(text for text in shown if text))
        return "; ".join(lines)

    def to_csv(self, value: Any, context: Context) -> str:
        """JSON text."""
        return json.dumps(self.to_json(value), ensure_ascii=False) if value else ""

    def to_json(self, value: Any) -> list[dict[str, Any]]:
        """A list of objects; empty columns are left out."""
        return [
            {
                name: field.to_json(value)
                for name, field in self.row_fields.items()
                if (value := row.get(name)) is not None and not field.is_empty(value)
            }
            for row in value or ()
        ]

    @cached_property
    def _in_json_order(self) -> tuple[tuple[str, str, Callable[[Any], bool], Callable[[Any], str]], ...]:
        columns = sorted(self.row_fields.items())
        return tuple((name, f'"{name}":', field.is_empty, field.json_text) for name, field in columns)

    def json_text(self, value: Any) -> str:
        """The list, made of its columns' texts."""
        lines = []
        for row in value or ():
            parts = [
                label + json_text(given)
                for name, label, is_empty, json_text in self._in_json_order
                if (given := row.get(name)) is not None and not is_empty(given)
            ]
            lines.append(f"{{{','.join(parts)}}}")
        return f"[{','.join(lines)}]"

    def search_text(self, value: Any, context: Context) -> str:
        """Words of the columns that are searched; of all of them if none says so."""
        fields = [field for field in self.row_fields.values() if field.search] or list(self.row_fields.values())
        return " ".join(
            field.search_text(row[field.name], context)
            for row in value or ()
            for field in fields
            if row.get(field.name) is not None
        )

    def json_schema(self) -> dict[str, Any]:
        """A list of objects."""
        return {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: field.json_schema() for name, field in self.row_fields.items()},
                "additionalProperties": False,
            },
        }
