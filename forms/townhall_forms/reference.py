"""Writes the reference of the schema language, for people and for editors: ``python -m townhall_forms.reference``.

Both files are made from the code; a test fails when they are stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from townhall_forms.fields import FIELD_TYPES
from townhall_forms.jsonschema import language_schema
from townhall_forms.jsonschema import summary
from townhall_forms.keys import KEYS
from townhall_forms.keys import LISTS
from townhall_forms.keys import TABLES
from townhall_forms.keys import Key
from townhall_forms.kinds import type_operators

#: Where the reference stands in the repository.
FOLDER = Path("docs/reference")

#: The types that come with the language; those that vendors register are theirs to describe.
TYPES = {name: type_ for name, type_ in FIELD_TYPES.items() if type_.__module__.startswith("townhall_forms.")}

_INTRODUCTION = """\
# The schema language

A type of record is one TOML file in a plugin's `schemas/` folder. Its table, screens, public forms, lists, search,
import and export all come from it. A key that is not on this page is a mistake, and `townhall schema check` says where.

<!-- This page is made from the code by `python -m townhall_forms.reference`. Change the code, not the page. -->

To have an editor complete and check the files, point it at `townhall-schema.json` beside this page. With Taplo
(Even Better TOML), put this in the first line of a schema:

```toml
#:schema ./townhall-schema.json
```

Names of fields and sections that begin with `town_` are kept for what a town adds itself, in [its own layer](layer.md).
"""

_CONDITIONS = """\
## Conditions

A condition is a table. It holds when each of its keys holds.

| write | it holds when |
|---|---|
| `{ status = "open" }` | the field has this value |
| `{ status = ["open", "held"] }` | it has one of these |
| `{ amount = { gte = 500, lt = 1000 } }` | all these tests hold |
| `{ "category.code" = "roads" }` | the record behind the link has this value; one link at most |
| `{ "budget.amount" = { gt = 1000 } }` | one of the rows does |
| `{ "answers.size" = "large" }` | the question with this code was answered so |
| `{ spent = { lte = { field = "budget" } } }` | it compares so with another field |
| `{ due = { lt = "today+3d" } }` | it compares so with a day counted from today |
| `{ seen = { gte = "now-4h" } }` | it compares so with a time counted from now |
| `{ assignee = "actor" }` | the person is whoever is asking |
| `{ any = [{ … }, { … }] }` | one of these holds |
| `{ all = [{ … }, { … }] }` | all of these hold |
| `{ not = [{ … }, { … }] }` | none of these holds |

Operators: `eq`, `ne`, `lt`, `lte`, `gt`, `gte`, `in`, `not_in`, `contains`, `starts_with`, `between` (both ends count)
and `empty` (`true` or `false`). Moments are counted in `h`, `d`, `w`, `m` (months) and `y`.

- Texts are compared without case and accents; choices exactly.
- A missing value makes every comparison false, and `ne` and `not_in` true, which are exactly *not* `eq` and `in`.
- A day compared with a field of type `datetime` means the whole day in the town's time zone.
- Conditions mean the same in forms, lists, imports and the browser. They never fail on a value.
- Whether a field is asked tells what that goes by. So `show_if`, `require_if` and `lock_if` go by nothing confidential,
  unless the field is confidential too and what it goes by is one of the same type. A page holds no value that has no
  input in its form, only what comes of the test.
"""

_COMPUTING = """\
## Computing

`compute` takes one of these. The result is stored, and nobody types it.

| write | result |
|---|---|
| `{ sum = "rows.column" }` | the sum over the rows; none when there are none |
| `{ count = "rows" }` | how many there are |
| `{ min = "rows.column" }`, `{ max = … }` | the least, the greatest |
| `{ average = "answers" }` | the average of the numbers answered, weighted by each question's `weight` |
| `{ average = "rows.column" }` | the average over the rows |
| `{ days_between = ["starts", "ends"] }` | days from one to the other |
| `{ copy = "link.field" }` | the linked record's value |
| `{ hook = "name" }` | what the plugin's hook `compute_field` gives; needs `stores`, the type of the result |
"""

_STANDARD = """\
## Standard fields

Every record has `id`, `number`, `title`, `created`, `updated`, `archived` and `channel`; a case also has `state`,
`assignee`, `queue`, `due` and `closed`. They are used in conditions, columns, filters and titles like all others. A
type may declare `channel` itself, as a choice; the other names are taken.
"""


def reference_page() -> str:
    """The reference of every key and field type, as Markdown."""
    parts = [_INTRODUCTION]
    for table, meaning in TABLES.items():
        brackets = f"[[{table}]]" if table in LISTS else f"[{table}]"
        parts.append(f"## `{brackets}`\n\n{meaning}\n\n{_key_table(table)}")
        if table == "fields.NAME":
            parts.append(_field_types())
    parts += [_CONDITIONS, _COMPUTING, _STANDARD]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def schema_text() -> str:
    """The JSON Schema of the language, as it is published."""
    return json.dumps(language_schema(TYPES), ensure_ascii=False, indent=1) + "\n"


def _key_table(table: str) -> str:
    lines = ["| key | takes | meaning |", "|---|---|---|"]
    lines += [f"| `{key.name}`{_needed(key)} | {_takes(key)} | {_meaning(key)} |" for key in KEYS if key.table == table]
    return "\n".join(lines)


def _needed(key: Key) -> str:
    return " (needed)" if key.required else ""


_WORDS = {
    "text": "text",
    "template": "text with `{field}`",
    "number_pattern": "text with `{seq}`",
    "pattern": "regular expression",
    "integer": "whole number",
    "boolean": "true or false",
    "name": "name",
    "names": "list of texts",
    "path": "path",
    "paths": "list of paths",
    "condition": "condition",
    "choices": "list of texts, or of tables with `value`, `label`, `help`, `retired`",
    "columns": "tables: `[fields.NAME.fields.COLUMN]`",
    "compute": "table, see [computing](#computing)",
    "value": "value",
    "days": "whole number or path",
    "states": "list of states, or `*`",
}


def _takes(key: Key) -> str:
    words = ", ".join(f"`{value}`" for value in key.values) if key.values else _WORDS[key.shape]
    return f"{words}; example: `{key.example}`" if key.example else words


def _meaning(key: Key) -> str:
    told = key.meaning
    if key.default:
        told += f" Without it: {key.default}."
    if key.some_types:
        takers = [f"`{name}`" for name, type_ in TYPES.items() if key.name in type_.extra_keys]
        told += f" On {', '.join(takers)}."
    return told


def _field_types() -> str:
    lines = [
        "## Field types\n",
        "Every type takes the keys above that are not marked with types of their own. A module with code may bring",
        "[a type of its own](../how-to/add-a-field-type.md).\n",
        "| type | what it holds | more keys | operators |",
        "|---|---|---|---|",
    ]
    for name, type_ in TYPES.items():
        extra = ", ".join(f"`{key.name}`" for key in _extra(name)) or "–"
        operators = ", ".join(f"`{operator}`" for operator in type_operators(name))
        lines.append(f"| `{name}` | {summary(type_)} | {extra} | {operators} |")
    return "\n".join(lines)


def _extra(name: str) -> Iterator[Key]:
    return (key for key in KEYS if key.table == "fields.NAME" and key.name in TYPES[name].extra_keys)


def write(folder: Path) -> list[Path]:
    """Write both files; those that changed are given back."""
    changed = []
    for name, text in (("schema.md", reference_page()), ("townhall-schema.json", schema_text())):
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            changed.append(path)
    return changed


if __name__ == "__main__":
    for written in write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(f"Wrote {written}.")
