"""What a file of steps can say: its keys, the steps, the keys of each, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: How a value becomes one of another field.
USING: Mapping[str, str] = {
    "value": "the stored value, as an export writes it",
    "label": "what people read: the label of a choice, the title of a linked record",
}
#: What happens to a value that doesn't fit the other field.
UNFIT: Mapping[str, str] = {
    "refuse": "the upgrade is refused, and the first records that don't fit are named",
    "empty": "the field is left empty; the value stays in the retired column",
}
CONVERTING: Mapping[str, str] = {
    "using": "How a value becomes one of the other field: " + "; ".join(f"`{k}` ({v})" for k, v in USING.items()) + ".",
    "multiply": "A number, or one as text, that numbers are multiplied with, like 100 for cents.",
    "values": "A table of old and new values; what does not stand in it is taken over by `using`.",
    "unfit": "What happens to a value that doesn't fit: " + "; ".join(f"`{k}` ({v})" for k, v in UNFIT.items()) + ".",
}
_TYPE = "Name of the type, as the steps before have left it."

#: Every step, by its key: what it is for.
STEPS: Mapping[str, str] = {
    "rename_type": "A type has another name.",
    "rename_field": "A field, or a column of rows, has another name.",
    "change_field": "A field, or a column of rows, is of another type or measured otherwise. "
    "Its old column stays, under a retired name.",
    "copy_field": "A new field begins with the values of another one, where it is empty.",
    "fill": "A field gets a value in the records in which it is empty.",
    "replace_choice": "A choice is replaced by another one, in every record that has it.",
    "rename_state": "A state of the workflow has another name.",
    "rename_transition": "A transition of the workflow has another name.",
}
#: The keys of each step, with what they mean.
STEP_KEYS: Mapping[str, Mapping[str, str]] = {
    "rename_type": {"from": "The name until now.", "to": "The name in the schema from now on."},
    "rename_field": {
        "type": _TYPE,
        "from": "The name until now; a column of rows as `rows.column`.",
        "to": "The name from now on, without the rows.",
    },
    "change_field": {
        "type": _TYPE,
        "field": "The field; a column of rows as `rows.column`.",
        **CONVERTING,
        "to": "The field as it is after this step, with the keys of `[fields.NAME]`. Only needed where a later "
        "migration changes it once more; otherwise the schema says it.",
    },
    "copy_field": {"type": _TYPE, "from": "The field that has the values.", "to": "The new field.", **CONVERTING},
    "fill": {
        "type": _TYPE,
        "field": "The field.",
        "value": "What it holds from now on where it was empty.",
        "where": "A condition on fields of the same record, as in schemas; only records that fulfil it are filled.",
    },
    "replace_choice": {
        "type": _TYPE,
        "field": "The field; a column of rows as `rows.column`.",
        "from": "The value that goes.",
        "to": "The value that replaces it.",
    },
    "rename_state": {"type": _TYPE, "from": "The name until now.", "to": "The name from now on."},
    "rename_transition": {"type": _TYPE, "from": "The name until now.", "to": "The name from now on."},
}
#: Keys of a file beside its steps.
FILE_KEYS: Mapping[str, str] = {
    "description": "One sentence for whoever reads what an upgrade will do.",
    "steps": "What is done, in order: one `[[steps]]` with one step each.",
}
#: Keys of steps that may be left out.
OPTIONAL = frozenset({*CONVERTING, "where"})


def describe(verb: str, given: Mapping[str, Any]) -> str:
    """A step in words, for people who read what an upgrade does."""
    kind, old, new = given.get("type", ""), given.get("from"), given.get("to")
    field = given.get("field", "")
    return {
        "rename_type": f"The type {old} is called {new}.",
        "rename_field": f"The field {kind}.{old} is called {new}.",
        "change_field": f"The values of {kind}.{field} are written anew, the old ones kept in a retired column.",
        "copy_field": f"The values of {kind}.{old} are copied to {new}.",
        "fill": f"Empty {kind}.{field} are filled.",
        "replace_choice": f"The choice {old} of {kind}.{field} is replaced by {new}.",
        "rename_state": f"The state {old} of {kind} is called {new}.",
        "rename_transition": f"The transition {old} of {kind} is called {new}.",
    }[verb]
