"""Mapping files: how the columns of somebody's CSV become the fields of a type.

A mapping is a TOML file. :func:`load_mapping` reads one from a path or by the name of a shipped one, and reports every
mistake at once as a :class:`~townhall.errors.ConfigurationError`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from townhall.errors import ConfigurationError
from townhall_forms import patterns
from townhall_forms.fields.base import Field
from townhall_forms.reading import read_toml
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.text import whole_number

#: Names that a column may fill besides the type's own fields.
RECORD_COLUMNS = ("state", "assignee", "queue", "due", "created", "closed", "number", "external_key", "channel")

MAPPING_KEYS = {
    "type": "identity of the type that rows become, `complaints.service_request`",
    "label": "what the mapping is for, shown by `townhall import --list`",
    "encoding": "the file's character encoding; UTF-8, with or without a byte order mark, when it isn't given",
    "delimiter": "the character between cells; found out from the header when it isn't given",
    "empty": "cell texts that mean nothing, such as `NA`",
    "key": "the column, or the list of columns, that names a row; a row whose key is already there is skipped, so an "
    "import can be repeated",
}
COLUMN_KEYS = {
    "from": "the column, or a list of columns that are joined",
    "field": "the field that it fills, `reference` or, for a part, `address.city` or `phones.0.number`",
    "join": "what stands between joined columns; a space when it isn't given",
    "values": "a translation table from cell text to value; letter case does not matter",
    "unknown": "what to do with a text that `values` lacks: `keep` it, `refuse` the row, or leave the field `empty`",
    "default": "the value when the cell is empty",
    "value": "what the field gets when the cell, after `pattern`, holds anything",
    "format": "how dates are written, in `strptime` notation, or a list of ways",
    "case": "`sentence`, `title`, `upper` or `lower`: letter case is changed",
    "match": "for a link: the field of the linked type that is compared with the cell",
    "create": "for a link: make the linked record if none matches, with these further values",
    "pattern": "a regular expression; its first group, or the whole match, is taken from the cell, or nothing",
    "prefix": "what is put before the text, such as `+44` or `https://`",
}
_KINDS = {str: "a text", list: "a list of texts", dict: "a table", bool: "true"}
_COLUMN_KINDS: Mapping[str, Any] = {
    **dict.fromkeys(("field", "join", "unknown", "case", "match", "pattern", "prefix"), str),
    **dict.fromkeys(("from", "format"), (str, list)),
    "values": dict,
    "create": (dict, bool),
}
CASES = ("sentence", "title", "upper", "lower")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """One ``[[column]]`` of a mapping file; see :data:`COLUMN_KEYS` for what each key means."""

    sources: tuple[str, ...]
    field: str
    join: str = " "
    values: Mapping[str, Any] | None = None
    unknown: str = "keep"
    value: Any = None
    default: Any = None
    formats: tuple[str, ...] = ()
    case: str = ""
    match: str = ""
    create: Mapping[str, Any] | None = None
    pattern: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class ImportMapping:
    """A whole mapping file."""

    name: str
    type: str
    columns: tuple[ColumnMapping, ...]
    label: str = ""
    encoding: str = ""
    delimiter: str = ""
    empty: frozenset[str] = frozenset()
    key: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """Every column of the file that the mapping reads."""
        names = [name for column in self.columns for name in column.sources]
        return tuple(dict.fromkeys([*names, *self.key]))

    def key_of(self, cells: Mapping[str, str]) -> str:
        """What names the row, from its key's columns; empty if all of them are."""
        if len(self.key) == 1:
            return cells[self.key[0]].strip()
        parts = [cells[name].strip() for name in self.key]
        return " | ".join(parts) if any(parts) else ""


def shipped_mappings(folders: Iterable[Path]) -> dict[str, Path]:
    """Mapping files by name, from ``mappings`` folders of core and of plugins."""
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            for path in sorted(folder.glob("*.toml")):
                found.setdefault(path.stem, path)
    return found


def load_mapping(path: Path, schemas: Schemas) -> ImportMapping:
    """Read and check a mapping file against the types that exist.

    Raises :class:`~townhall.errors.ConfigurationError` with one line per mistake.
    """
    try:
        data = read_toml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"The mapping {path} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The mapping {path} is not valid TOML: {error}.") from error
    return parse_mapping(data, path.stem, schemas, file=str(path))


def parse_mapping(data: Mapping[str, Any], name: str, schemas: Schemas, *, file: str) -> ImportMapping:
    """Build a mapping from its parsed TOML. Raises :class:`~townhall.errors.ConfigurationError`."""
    mistakes = [*_unknown(data, {"mapping", "column", "set"}, ""), *_misshapen(data)]
    if mistakes:
        raise ConfigurationError("\n".join(f"{file}: {mistake}" for mistake in mistakes))
    head = data.get("mapping", {})
    mistakes += _unknown(head, MAPPING_KEYS, "mapping.")
    identity = head.get("type", "")
    record_type = schemas.get(identity)
    if record_type is None:
        hint = _did_you_mean(identity, schemas) or "; is its plugin enabled?"
        mistakes.append(f"mapping.type: there is no type “{identity}”{hint}")
    columns: list[ColumnMapping] = []
    for index, table in enumerate(data.get("column", []), start=1):
        where = f"column {index}."
        mistakes += _unknown(table, COLUMN_KEYS, where)
        column = _column(table)
        columns.append(column)
        if record_type is not None:
            mistakes += [f"{where}{text}" for text in _check_column(column, record_type, schemas)]
    if not columns:
        mistakes.append("there is no [[column]]; a mapping needs at least one")
    fixed = data.get("set", {})
    if record_type is not None:
        for key in fixed:
            mistakes += [f"set.{text}" for text in _check_field(key, record_type)]
    if mistakes:
        raise ConfigurationError("\n".join(f"{file}: {mistake}" for mistake in mistakes))
    return ImportMapping(
        name=name,
        type=identity,
        columns=tuple(columns),
        label=head.get("label", ""),
        encoding=head.get("encoding", ""),
        delimiter=head.get("delimiter", ""),
        empty=frozenset(text.casefold() for text in head.get("empty", [])),
        key=_names(head.get("key", ())),
        fixed=fixed,
    )


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    """One text or a list of them."""
    return tuple(name for name in ([given] if isinstance(given, str) else given) if name)


def _column(table: Mapping[str, Any]) -> ColumnMapping:
    sources = table.get("from", ())
    formats = table.get("format", ())
    values = table.get("values")
    create = table.get("create")
    return ColumnMapping(
        sources=_names(sources),
        field=table.get("field", ""),
        join=table.get("join", " "),
        values={key.casefold(): value for key, value in values.items()} if values is not None else None,
        unknown=table.get("unknown", "keep"),
        value=table.get("value"),
        default=table.get("default"),
        formats=_names(formats),
        case=table.get("case", ""),
        match=table.get("match", ""),
        create={} if create is True else None if create is False else create,
        pattern=table.get("pattern", ""),
        prefix=table.get("prefix", ""),
    )


def _check_column(column: ColumnMapping, record_type: RecordType, schemas: Schemas) -> Iterator[str]:
    if not column.sources:
        yield "from: names no column of the file"
    yield from _check_field(column.field, record_type)
    if column.case and column.case not in CASES:
        yield f"case: “{column.case}” is none of {', '.join(CASES)}"
    if column.unknown not in ("keep", "refuse", "empty"):
        yield f"unknown: “{column.unknown}” is none of keep, refuse, empty"
    declared = record_type.field(column.field.partition(".")[0])
    target = schemas.get(declared.target) if declared is not None and declared.target else None
    if (column.match or column.create is not None) and target is None:
        yield f"match: “{column.field}” is not a link, so nothing can be looked up for it"
    elif column.match and target is not None and target.field(column.match) is None:
        yield f"match: {target.identity} has no field “{column.match}”{_did_you_mean(column.match, target.all_fields)}"
    if column.create is not None and not column.match:
        yield "create: needs `match`, the field that the cell's text is put in"
    if column.create and target is not None:
        for key in column.create:
            if target.field(key) is None:
                yield f"create.{key}: {target.identity} has no such field{_did_you_mean(key, target.all_fields)}"


def _check_field(path: str, record_type: RecordType) -> Iterator[str]:
    first, _, rest = path.partition(".")
    declared = record_type.fields.get(first)
    if declared is None and first not in RECORD_COLUMNS:
        known = [*record_type.fields, *RECORD_COLUMNS]
        yield f"field: {record_type.identity} has no field “{first}”{_did_you_mean(first, known)}"
    elif rest and declared is not None and declared.row_fields:
        index, _, name = rest.partition(".")
        column, _, part = name.partition(".")
        if whole_number(index) is None or column not in declared.row_fields:
            yield f"field: “{path}” should be like {first}.0.{next(iter(declared.row_fields))}"
        elif part:
            yield from _check_part(part, f"{first}.{index}.{column}", declared.row_fields[column])
    elif rest and declared is not None:
        yield from _check_part(rest, first, declared)


def _check_part(part: str, path: str, declared: Field) -> Iterator[str]:
    """A part that a value doesn't have would leave it empty, or refuse each row."""
    if declared.parts and part not in declared.parts:
        yield f"field: “{path}” has no part “{part}”; there are {', '.join(declared.parts)}"


def _misshapen(data: Mapping[str, Any]) -> Iterator[str]:
    """What is not of the kind that it should be: a number where text is meant, text where a table is."""
    head, columns = data.get("mapping", {}), data.get("column", [])
    if not isinstance(head, Mapping):
        yield "mapping: should be a table, [mapping]"
    else:
        yield from _wrong_kinds(
            head, dict.fromkeys(MAPPING_KEYS, str) | {"empty": list, "key": (str, list)}, "mapping."
        )
    if not isinstance(data.get("set", {}), Mapping):
        yield "set: should be a table, [set]"
    if not isinstance(columns, list) or not all(isinstance(table, Mapping) for table in columns):
        yield "column: should be tables, each under [[column]]"
        return
    for index, table in enumerate(columns, start=1):
        yield from _wrong_kinds(table, _COLUMN_KINDS, f"column {index}.")
        pattern = table.get("pattern", "")
        if isinstance(pattern, str) and (said := patterns.problem(pattern)):
            yield f"column {index}.pattern: {said}"


def _wrong_kinds(table: Mapping[str, Any], kinds: Mapping[str, Any], where: str) -> Iterator[str]:
    for key, kind in kinds.items():
        if key not in table or isinstance(table[key], kind):
            continue
        allowed = kind if isinstance(kind, tuple) else (kind,)
        yield f"{where}{key}: should be {' or '.join(_KINDS[one] for one in allowed)}"
    for key, value in table.items():
        if isinstance(value, list) and key in kinds and not all(isinstance(one, str) for one in value):
            yield f"{where}{key}: should be a list of texts"


def _unknown(table: Mapping[str, Any], known: Iterable[str], where: str) -> list[str]:
    names = list(known)
    return [f"{where}{key}: no such key{_did_you_mean(key, names)}" for key in table if key not in names]


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean “{close[0]}”?" if close else ""
