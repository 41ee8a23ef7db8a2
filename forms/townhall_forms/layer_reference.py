"""The reference page of the town's own layer, written from its keys."""

from __future__ import annotations

from townhall_forms.key import Key
from townhall_forms.layer_keys import LAYER_TABLES
from townhall_forms.layer_keys import layer_keys_of

_WORDS = {
    "text": "text",
    "boolean": "true or false",
    "names": "list of texts",
    "path": "path",
    "condition": "[condition](schema.md#conditions)",
    "choices": "list of texts, or of tables with `value`, `label`, `help`, `retired`",
    "value": "text, number, true or false, or list of texts",
}
_INTRODUCTION = """\
# The town's own layer

{generated}
A town lays its own fields, labels, order and choices over the schemas that Townhall and its plugins ship. They are
made on the page *Fields and labels*, or written in a TOML file for `townhall layer import`. What a layer says is
applied to a type's schema before the type is built, so tables, forms, lists, filters, search, import, export and
history follow by themselves. [How to add a field](../how-to/add-a-field.md) shows it in use.

```toml
[complaints.service_request]
label = "Report"
label_plural = "Reports"

[complaints.service_request.fields.town_ward]
type = "choice"
label = "Ward"
choices = ["north", {{ value = "south", label = "South of the river" }}]
filter = true
forms = ["public"]

[complaints.service_request.fields.priority.choices.urgent]
label = "At once"
```

A file holds tables by the identity of the type, `[PLUGIN.TYPE]`. What it doesn't mention is as it is shipped. An
unknown key is a mistake, told with its place and “did you mean”. `townhall layer export` writes the file in one
fixed form, so that two of them can be compared line by line; imported again it is the same layer, to the letter.
"""
_RULES = """\
## What can't be

- **A field of the town's own keeps its type for ever**, also after it was removed: its column and its values are
  still there. For another type, remove it and add a field with another name.
- **A shipped field can be made required, and not optional.** One that is required without a default, or that a rule
  or a move needs, can't be hidden from a form.
- **The choice that a new record starts with can't be retired**, nor the last one that is offered. A choice that was
  published is retired and not taken away: it may stand in records.
- **A link of the town's own** reaches types of the same plugin, of core, and of plugins that the plugin requires.
- Names that begin with `town_` are kept for the town: no schema may use one.

## After an upgrade

A part whose subject went away (a field, a choice, a section, a state), or that is shipped now itself, is left out;
the rest of the layer counts, and Townhall starts whatever the layer says. A field of the town's own whose condition
can't be judged is asked always, and is not required meanwhile. Each such part is listed on the page *Fields and
labels*, by `townhall layer show`, and counted in the menu until somebody decides to keep it waiting or to remove
it. What a layer says about the types of a plugin that is off counts when the plugin is on.

## Versions

Every change goes into a draft first, which all administrators share. Publishing makes it the next version: it
counts at once in every process, with no restart. `townhall layer undo`, or *Restore* on the page of versions,
publishes an earlier version again; version 0 is everything as shipped. The table `town_layer` keeps each draft and
version with who made it and when, and nothing in it is ever changed. Columns are never dropped.
"""


def layer_page(generated: str) -> str:
    """The reference of every key of the layer, as Markdown; ``generated`` says that it is written from the code."""
    parts = [_INTRODUCTION.format(generated=generated.rstrip("\n") + "\n")]
    for table, meaning in LAYER_TABLES.items():
        lines = [f"## `[{table}]`", "", meaning, "", "| key | takes | meaning |", "|---|---|---|"]
        parts.append("\n".join([*lines, *(_row(key) for key in layer_keys_of(table).values()), ""]))
    return "\n".join([*parts, _RULES])


def _row(key: Key) -> str:
    takes = ", ".join(f"`{value}`" for value in key.values) if key.values else _WORDS[key.shape]
    example = f"; example: `{key.example}`" if key.example else ""
    default = f" Without it: {key.default}." if key.default else ""
    return f"| `{key.name}`{' (needed)' if key.required else ''} | {takes}{example} | {key.meaning}{default} |"
