"""Every key of the schema language: where it stands, what it takes, what it means, and where it shows.

Loading, the JSON Schema for editors and the reference page are all made from this table, and a test asks of each key
that switching it on changes what happens at each of its doors. A key that is not here is a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: What a key's value looks like.
Shape = Literal[
    "text",
    "template",
    "number_pattern",
    "integer",
    "boolean",
    "name",
    "names",
    "path",
    "paths",
    "one_of",
    "condition",
    "choices",
    "columns",
    "compute",
    "value",
    "days",
    "states",
]

#: Where a key can show: the rules of writing records (all doors, imports included), tables, clerk's screens, the
#: public site, search, calendar, and the JSON Schema of a record.
Door = Literal[
    "records",
    "storage",
    "form",
    "public_form",
    "list",
    "details",
    "public",
    "search",
    "calendar",
    "jsonschema",
]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one table. ``some_types`` says that only some field types take it (their ``extra_keys`` tell)."""

    table: str
    name: str
    shape: Shape
    meaning: str
    doors: tuple[Door, ...]
    required: bool = False
    values: tuple[str, ...] = ()
    default: str = ""
    some_types: bool = False
    example: str = ""


#: The tables of a schema file and what each is for. ``[[x]]`` in ``shape`` means a list of tables.
TABLES: Mapping[str, str] = {
    "type": "What the type is called and how it behaves as a whole.",
    "type.event": "Which of the type's fields put its records on the calendar.",
    "fields.NAME": "One field. The name is lower case with underscores, and never changes once there is data.",
    "checks": "A rule over several fields, with a sentence for when it is broken.",
    "unique": "Fields whose values together must not repeat.",
    "sections": "A titled group of fields in forms and on the page of a record.",
    "list": "What the clerk's list shows.",
    "list.views": "A ready-made view of the list, as a tab.",
    "forms.NAME": "A form that the public fills in.",
    "forms.NAME.steps": "One page of a public form.",
    "public": "The public list and page of the records that fulfil `public_if`.",
    "workflow": "Makes each record a case, with a state.",
    "workflow.states.NAME": "One state.",
    "workflow.transitions": "One way to get from state to state.",
}
#: Tables of which there can be several, written ``[[table]]``.
LISTS = frozenset({"checks", "unique", "sections", "list.views", "forms.NAME.steps", "workflow.transitions"})

_PRIVACY = ("public", "internal", "confidential")

_TYPE = (
    Key("type", "name", "name", "Names the type; its identity is `plugin.name`.", ("storage",), required=True),
    Key("type", "label", "text", "What one record is called.", ("form", "list"), default="the name, in words"),
    Key("type", "label_plural", "text", "What several are called.", ("list",), default="the label and “s”"),
    Key("type", "description", "text", "One sentence for clerks about what is kept here.", ("list",)),
    Key("type", "icon", "text", "Symbol beside the label (an id in `icons.svg`).", ("details",), default="note"),
    Key(
        "type",
        "title",
        "template",
        "How a record names itself wherever it appears.",
        ("records",),
        required=True,
        example='"{category}: {summary}"',
    ),
    Key(
        "type",
        "number",
        "number_pattern",
        "Gives each record a number. With `{year}` the count starts anew each year.",
        ("records",),
        example='"SR-{year}-{seq:06}"',
    ),
    Key("type", "contacts", "paths", "Links to contacts on whose timelines a record stands.", ("details",)),
    Key(
        "type",
        "privacy",
        "one_of",
        "Who may see a field that doesn't say so itself.",
        ("records",),
        values=_PRIVACY,
        default="internal",
    ),
    Key("type", "public_if", "condition", "Which records the public may see; without it, none.", ("public", "search")),
    Key(
        "type",
        "navigation",
        "one_of",
        "Where the type stands in the menu.",
        ("list",),
        values=("records", "setup", "hidden"),
        default="records",
    ),
    Key("type", "order", "integer", "Place in the menu, small numbers first.", ("list",), default="100"),
    Key("type", "append_only", "boolean", "Records never change; a correction is a new record.", ("records", "form")),
)

_EVENT = (
    Key("type.event", "starts", "name", "The field with the day or time when it starts.", ("calendar",), required=True),
    Key("type.event", "ends", "name", "The field with the day or time when it ends.", ("calendar",)),
    Key("type.event", "title", "name", "The field that names it.", ("calendar",), default="title"),
    Key("type.event", "location", "name", "The field that says where it is.", ("calendar",)),
    Key("type.event", "attendees", "name", "The field that links to who takes part.", ("calendar",)),
    Key(
        "type.event", "status", "name", "The field that says if it is tentative, confirmed or cancelled.", ("calendar",)
    ),
)

_FIELD = (
    Key(
        "fields.NAME", "type", "name", "What the field holds; see the field types.", ("storage", "form"), required=True
    ),
    Key("fields.NAME", "label", "text", "What it is called on screen.", ("form", "list"), default="the name, in words"),
    Key("fields.NAME", "help", "text", "A sentence under the label.", ("form",)),
    Key(
        "fields.NAME",
        "required",
        "boolean",
        "It must be filled in, unless the state is incomplete.",
        ("records", "form"),
    ),
    Key(
        "fields.NAME",
        "default",
        "value",
        "What a new record has when nothing is given; also `today`, `now` and, for staff, `actor`.",
        ("records", "form"),
    ),
    Key(
        "fields.NAME",
        "privacy",
        "one_of",
        "Who may see it: anyone who may see the record, staff, or staff who ask for it one by one.",
        ("records", "public"),
        values=_PRIVACY,
        default="the type's",
    ),
    Key("fields.NAME", "unique", "boolean", "No two records that are not archived have the same value.", ("records",)),
    Key("fields.NAME", "search", "boolean", "The search box finds the record by it.", ("search",)),
    Key("fields.NAME", "read_only", "boolean", "Nobody types it; rules and plugins set it.", ("records", "form")),
    Key("fields.NAME", "show_if", "condition", "It is asked only when this holds.", ("records", "form")),
    Key("fields.NAME", "require_if", "condition", "It must be filled in when this holds.", ("records", "form")),
    Key("fields.NAME", "lock_if", "condition", "It can't change any more when this holds.", ("records", "form")),
    Key(
        "fields.NAME",
        "when_hidden",
        "one_of",
        "Whether a value stays when `show_if` stops to hold.",
        ("records",),
        values=("keep", "clear"),
        default="keep",
    ),
    Key(
        "fields.NAME",
        "prefill",
        "path",
        "Where a new form takes it from: `contact.NAME`, `actor.NAME` (who is signed in) or `LINK.NAME`.",
        ("form",),
        example='"contact.email"',
    ),
    Key("fields.NAME", "autocomplete", "text", "The HTML token by which browsers fill it in.", ("public_form",)),
    Key(
        "fields.NAME",
        "unit",
        "text",
        "A unit shown beside the value, such as `sq ft`.",
        ("form", "details"),
        some_types=True,
    ),
    Key(
        "fields.NAME",
        "choices",
        "choices",
        "The values that can be chosen.",
        ("records", "form", "jsonschema"),
        some_types=True,
    ),
    Key(
        "fields.NAME",
        "min",
        "value",
        "The least value, or the least number of rows.",
        ("records", "jsonschema"),
        some_types=True,
    ),
    Key(
        "fields.NAME",
        "max",
        "value",
        "The greatest value, or the greatest number of rows or files.",
        ("records", "jsonschema"),
        some_types=True,
    ),
    Key(
        "fields.NAME",
        "min_length",
        "integer",
        "The least number of characters.",
        ("records", "jsonschema"),
        some_types=True,
    ),
    Key(
        "fields.NAME",
        "max_length",
        "integer",
        "The greatest number of characters.",
        ("records", "jsonschema"),
        some_types=True,
    ),
    Key(
        "fields.NAME",
        "pattern",
        "text",
        "A regular expression that the whole text must match.",
        ("records", "jsonschema"),
        some_types=True,
    ),
    Key("fields.NAME", "pattern_message", "text", "What to say when it does not match.", ("records",), some_types=True),
    Key(
        "fields.NAME",
        "to",
        "path",
        "The type that a link points at: `category` of the same plugin, or `core.contact`.",
        ("records", "form"),
        some_types=True,
    ),
    Key("fields.NAME", "where", "condition", "Which records a link may point at.", ("form",), some_types=True),
    Key(
        "fields.NAME",
        "panel",
        "text",
        "Heading under which these records are listed on the page of the linked one.",
        ("details",),
        some_types=True,
    ),
    Key(
        "fields.NAME",
        "from",
        "path",
        "Where the questions of `answers` are: `link.field`, or a field of its own.",
        ("records", "form"),
        some_types=True,
        example='"category.questions"',
    ),
    Key(
        "fields.NAME",
        "currency",
        "text",
        "ISO 4217 code of the money.",
        ("records", "jsonschema"),
        default="the town's",
        some_types=True,
    ),
    Key(
        "fields.NAME",
        "decimals",
        "integer",
        "How many digits after the point are kept.",
        ("records", "storage"),
        default="2",
        some_types=True,
    ),
    Key(
        "fields.NAME", "fields", "columns", "The columns of `rows`, each a field.", ("storage", "form"), some_types=True
    ),
    Key(
        "fields.NAME",
        "compute",
        "compute",
        "How the value is worked out.",
        ("records",),
        some_types=True,
        example='{ sum = "budget_lines.amount" }',
    ),
    Key(
        "fields.NAME",
        "stores",
        "name",
        "The type of a computed value, when it can't be told.",
        ("storage",),
        some_types=True,
    ),
    Key(
        "fields.NAME",
        "accept",
        "names",
        "Which files: endings such as `pdf`, or the groups `image` and `document`.",
        ("records", "form"),
        some_types=True,
    ),
    Key("fields.NAME", "max_size", "integer", "The greatest size of a file, in MB.", ("records",), some_types=True),
)

_RULES = (
    Key(
        "checks",
        "require",
        "condition",
        "What must hold. Not judged while a number, day or time that it puts in order is missing.",
        ("records",),
        required=True,
    ),
    Key("checks", "message", "text", "The sentence for whoever typed, when it does not.", ("records",), required=True),
    Key("checks", "when", "condition", "The rule counts only when this holds.", ("records",)),
    Key("checks", "fields", "names", "Fields beside which the sentence is shown.", ("form",)),
    Key("unique", "fields", "names", "The fields that count together.", ("records",), required=True),
    Key("unique", "message", "text", "The sentence for whoever repeats them.", ("records",), required=True),
    Key("sections", "name", "name", "Names the section.", ("form",), required=True),
    Key("sections", "label", "text", "Its heading.", ("form", "details"), default="the name, in words"),
    Key("sections", "fields", "names", "Its fields, in order.", ("form", "details"), required=True),
    Key("sections", "help", "text", "A sentence under the heading.", ("form",)),
)

_LIST = (
    Key("list", "columns", "names", "The columns, in order.", ("list",)),
    Key("list", "sort", "path", "The field it is sorted by; `-` before it sorts downwards.", ("list",)),
    Key("list", "filters", "names", "The fields by which it can be filtered.", ("list",)),
    Key("list.views", "name", "name", "Names the view in its address.", ("list",), required=True),
    Key("list.views", "label", "text", "The tab's label.", ("list",), default="the name, in words"),
    Key("list.views", "where", "condition", "Which records are in it.", ("list",)),
    Key("list.views", "sort", "path", "How it is sorted.", ("list",), default="as the list"),
    Key("list.views", "columns", "names", "Its columns.", ("list",), default="as the list"),
)

_FORM = (
    Key("forms.NAME", "label", "text", "The form's heading, and its link on the public home page.", ("public_form",)),
    Key("forms.NAME", "intro", "text", "A paragraph before the first question.", ("public_form",)),
    Key("forms.NAME", "fields", "names", "The fields of a form of one page.", ("public_form",)),
    Key(
        "forms.NAME",
        "contact",
        "one_of",
        "Whether it asks who is writing.",
        ("public_form",),
        values=("required", "optional", "none"),
        default="none",
    ),
    Key(
        "forms.NAME",
        "contact_field",
        "name",
        "The link that is set to whoever is writing.",
        ("public_form",),
        default="the first of the type's `contacts`",
    ),
    Key(
        "forms.NAME", "submit_label", "text", "The words on the button that sends it.", ("public_form",), default="Send"
    ),
    Key("forms.NAME", "receipt", "text", "What happens next, told after sending.", ("public_form",)),
    Key("forms.NAME", "service", "text", "The heading under which it stands on the home page.", ("public_form",)),
    Key("forms.NAME", "icon", "text", "Symbol on the home page.", ("public_form",)),
    Key("forms.NAME", "keywords", "names", "Words by which people find the service.", ("public_form",)),
    Key(
        "forms.NAME",
        "state",
        "name",
        "The state in which a sent form starts.",
        ("public_form",),
        default="the workflow's first",
    ),
    Key("forms.NAME", "edit_in", "names", "States in which the sender may still change it.", ("public_form",)),
    Key(
        "forms.NAME",
        "per",
        "name",
        "A link: each record that it can point at is a service of its own.",
        ("public_form",),
    ),
    Key(
        "forms.NAME",
        "per_group",
        "name",
        "The field of those records that is the heading of the service.",
        ("public_form",),
    ),
    Key("forms.NAME", "open_if", "condition", "When the form can be sent.", ("public_form",)),
    Key("forms.NAME", "closed_message", "text", "What to say when it can't.", ("public_form",)),
    Key("forms.NAME.steps", "name", "name", "Names the page in its address.", ("public_form",), required=True),
    Key("forms.NAME.steps", "label", "text", "Its heading.", ("public_form",), default="the name, in words"),
    Key("forms.NAME.steps", "fields", "names", "Its fields, in order.", ("public_form",), required=True),
    Key("forms.NAME.steps", "help", "text", "A sentence under the heading.", ("public_form",)),
)

_PUBLIC = (
    Key("public", "label", "text", "The heading of the public list.", ("public",), default="the type's plural"),
    Key("public", "columns", "names", "What the list shows of each record.", ("public",)),
    Key("public", "fields", "names", "What the page of a record shows.", ("public",)),
    Key(
        "public",
        "where",
        "condition",
        "Which of the public records the list shows; others keep their pages.",
        ("public",),
        default="all of them",
    ),
    Key("public", "filters", "names", "The fields by which the list can be filtered.", ("public",)),
    Key("public", "sort", "path", "How it is sorted.", ("public",)),
    Key("public", "intro", "text", "A paragraph before the list.", ("public",)),
    Key("public", "empty", "text", "What to say when there is nothing.", ("public",)),
    Key(
        "public",
        "apply",
        "text",
        "The form that a button opens, and the link that it fills.",
        ("public",),
        example='"application.public:posting"',
    ),
    Key("public", "apply_label", "text", "The words on that button.", ("public",)),
    Key("public", "service", "text", "The heading under which the list stands on the home page.", ("public",)),
    Key("public", "icon", "text", "Symbol on the home page.", ("public",)),
)

_WORKFLOW = (
    Key("workflow", "initial", "name", "The state of a new case.", ("records",), required=True),
    Key(
        "workflow",
        "due_days",
        "days",
        "Days until a new case is due, or the path of a field that says it.",
        ("records",),
    ),
    Key(
        "workflow.states.NAME",
        "label",
        "text",
        "What clerks call it.",
        ("list", "details"),
        default="the name, in words",
    ),
    Key("workflow.states.NAME", "public_label", "text", "What the public reads.", ("public",), default="the label"),
    Key("workflow.states.NAME", "help", "text", "What it means, for clerks.", ("details",)),
    Key("workflow.states.NAME", "public_help", "text", "What it means, for the public.", ("public",)),
    Key("workflow.states.NAME", "incomplete", "boolean", "Required fields may still be empty.", ("records",)),
    Key(
        "workflow.states.NAME",
        "pauses_clock",
        "boolean",
        "The time in it is added to when the case is due.",
        ("records",),
    ),
    Key("workflow.states.NAME", "final", "boolean", "The case is closed.", ("records",)),
    Key(
        "workflow.states.NAME",
        "tone",
        "one_of",
        "Colour and symbol of its pill.",
        ("list", "details"),
        values=("new", "live", "wait", "ok", "soon", "bad"),
        default="new for the first state, ok for final ones, wait where the clock stops, else live",
    ),
    Key(
        "workflow.transitions",
        "name",
        "name",
        "Names it in permissions, addresses and history.",
        ("records",),
        required=True,
    ),
    Key(
        "workflow.transitions", "label", "text", "The words on its button.", ("details",), default="the name, in words"
    ),
    Key(
        "workflow.transitions",
        "from",
        "states",
        "The states it leaves; `*` means every state that is not final.",
        ("records",),
        required=True,
    ),
    Key("workflow.transitions", "to", "name", "The state it leads to.", ("records",), required=True),
    Key(
        "workflow.transitions",
        "by",
        "names",
        "Who makes it: `staff` with its permission, the `citizen` with their link, the `system` by itself.",
        ("records",),
        required=True,
    ),
    Key("workflow.transitions", "require", "names", "Fields that must be filled in for it.", ("records", "details")),
    Key("workflow.transitions", "asks", "names", "Fields that it offers to fill in.", ("details",)),
    Key("workflow.transitions", "if", "condition", "It can be made only when this holds.", ("records", "details")),
    Key("workflow.transitions", "help", "text", "What it does, for clerks.", ("details",)),
    Key(
        "workflow.transitions",
        "public_label",
        "text",
        "The words on the citizen's button.",
        ("public",),
        default="the label",
    ),
)

#: Every key, in the order of the reference.
KEYS: tuple[Key, ...] = (*_TYPE, *_EVENT, *_FIELD, *_RULES, *_LIST, *_FORM, *_PUBLIC, *_WORKFLOW)


def keys_of(table: str) -> Mapping[str, Key]:
    """The keys of one table, by name."""
    return _BY_TABLE[table]


_BY_TABLE: dict[str, dict[str, Key]] = {table: {} for table in TABLES}
for _key in KEYS:
    _BY_TABLE[_key.table][_key.name] = _key

#: Tables at the top of a file, for "did you mean".
TOP_LEVEL = ("type", "fields", "checks", "unique", "sections", "list", "forms", "public", "workflow")

#: What a choice may say when it is more than a value.
CHOICE_KEYS = ("value", "label", "help", "retired")
#: Ways to compute a value.
COMPUTE_KEYS = ("sum", "count", "min", "max", "average", "days_between", "copy", "hook")
#: Who can make a transition.
WHO = ("staff", "citizen", "system")
