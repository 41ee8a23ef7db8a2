"""Every key of the schema language: where it stands, what it takes, what it means, and where it shows.

Loading, the JSON Schema for editors and the reference page are all made from this table, and a test asks of each key
that switching it on changes what happens at each of its doors. A key that is not here is a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping

from townhall_forms.key import Door
from townhall_forms.key import Key
from townhall_forms.key import Shape
from townhall_forms.keys_of_pages import FORM
from townhall_forms.keys_of_pages import LIST
from townhall_forms.keys_of_pages import PUBLIC
from townhall_forms.keys_of_pages import WORKFLOW
from townhall_forms.keys_of_records import EVENT
from townhall_forms.keys_of_records import FIELD
from townhall_forms.keys_of_records import MERGE
from townhall_forms.keys_of_records import RULES
from townhall_forms.keys_of_records import TYPE

__all__ = [
    "CHOICE_KEYS",
    "COMPUTE_KEYS",
    "KEYS",
    "LISTS",
    "TABLES",
    "TOP_LEVEL",
    "WHO",
    "Door",
    "Key",
    "Shape",
    "keys_of",
]

#: The tables of a schema file and what each is for. ``[[x]]`` in ``shape`` means a list of tables.
TABLES: Mapping[str, str] = {
    "type": "What the type is called and how it behaves as a whole.",
    "type.event": "Which of the type's fields put its records on the calendar.",
    "type.merge": "Lets two records that stand for the same become one. Neither cases nor `append_only` types have it.",
    "fields.NAME": "One field. The name is lower case with underscores, and never changes once there is data.",
    "checks": "A rule over several fields, with a sentence for when it is broken.",
    "unique": "Fields whose values together must not repeat.",
    "indexes": "Fields by which many records are asked for at once, for a list, panel or figure that takes long.",
    "sections": "A titled group of fields in forms and on the page of a record.",
    "list": "What the clerk's list shows.",
    "list.views": "A ready-made view of the list, as a tab.",
    "forms.NAME": "A form that the public fills in.",
    "forms.NAME.steps": "One page of a public form.",
    "public": "The public list and page of the records that fulfil `public_if`.",
    "workflow": "Makes each record a case, with a state.",
    "workflow.states.NAME": "One state.",
    "workflow.transitions": "One way to get from state to state.",
    "workflow.transitions.task": "A task that the move makes, about the record.",
    "workflow.transitions.event": "An event that the move puts on the calendar, about the record.",
}
#: Tables of which there can be several, written ``[[table]]``.
LISTS = frozenset({"checks", "unique", "indexes", "sections", "list.views", "forms.NAME.steps", "workflow.transitions"})

#: Every key, in the order of the reference.
KEYS: tuple[Key, ...] = (*TYPE, *EVENT, *MERGE, *FIELD, *RULES, *LIST, *FORM, *PUBLIC, *WORKFLOW)


def keys_of(table: str) -> Mapping[str, Key]:
    """The keys of one table, by name."""
    return _BY_TABLE[table]


_BY_TABLE: dict[str, dict[str, Key]] = {table: {} for table in TABLES}
for _key in KEYS:
    _BY_TABLE[_key.table][_key.name] = _key

#: Tables at the top of a file, for "did you mean".
TOP_LEVEL = ("type", "fields", "checks", "unique", "indexes", "sections", "list", "forms", "public", "workflow")

#: What a choice may say when it is more than a value.
CHOICE_KEYS = ("value", "label", "help", "retired")
#: Ways to compute a value.
COMPUTE_KEYS = ("sum", "count", "min", "max", "average", "days_between", "copy", "hook")
#: Who can make a transition.
WHO = ("staff", "citizen", "system")
