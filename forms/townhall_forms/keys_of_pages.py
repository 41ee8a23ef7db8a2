"""The keys of lists, forms, public pages and workflows: how records are met. See :mod:`townhall_forms.keys`."""

from __future__ import annotations

from townhall_forms.key import Key

LIST = (
    Key("list", "columns", "names", "The columns, in order.", ("list",)),
    Key("list", "sort", "path", "The field it is sorted by; `-` before it sorts downwards.", ("list",)),
    Key("list", "filters", "names", "The fields by which it can be filtered.", ("list",)),
    Key("list.views", "name", "name", "Names the view in its address.", ("list",), required=True),
    Key("list.views", "label", "text", "The tab's label.", ("list",), default="the name, in words"),
    Key("list.views", "where", "condition", "Which records are in it.", ("list",)),
    Key("list.views", "sort", "path", "How it is sorted.", ("list",), default="as the list"),
    Key("list.views", "columns", "names", "Its columns.", ("list",), default="as the list"),
)

FORM = (
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

PUBLIC = (
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

WORKFLOW = (
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
