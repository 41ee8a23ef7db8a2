"""The town's own layer over a schema: what each key does, what no longer fits, and the file that it is written as."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from townhall_forms import layer_editing
from townhall_forms.errors import SchemaErrors
from townhall_forms.layer import EMPTY
from townhall_forms.layer import Layer
from townhall_forms.layer import read_layer
from townhall_forms.layer import write_layer
from townhall_forms.layer_changes import changes
from townhall_forms.layer_keys import LAYER_KEYS
from townhall_forms.layer_parts import Conflict
from townhall_forms.layered import load_layered
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

SCHEMA = """
[type]
name = "case"
label = "Case"
title = "{summary}"

[fields.summary]
type = "text"
required = true

[fields.kind]
type = "choice"
choices = ["report", "question"]
default = "report"

[fields.size]
type = "integer"
help = "In feet."

[fields.note]
type = "text"

[fields.outcome]
type = "text"

[fields.total]
type = "computed"
compute = { copy = "size" }

[[checks]]
require = { any = [{ size = { lte = 9 } }] }
message = "At most nine."

[[sections]]
name = "what"
label = "What"
fields = ["summary", "kind", "size"]

[[sections]]
name = "more"
label = "More"
fields = ["note", "outcome", "total"]

[list]
columns = ["title", "kind", "note"]
filters = ["kind"]

[forms.public]
label = "Tell us"
fields = ["summary", "note"]

[workflow]
initial = "new"

[workflow.states.new]
label = "New"

[workflow.states.done]
label = "Done"
final = true

[[workflow.transitions]]
name = "finish"
label = "Finish"
from = ["new"]
to = "done"
by = ["staff"]
require = ["outcome"]
"""
HEAD = "[town.case]\n"


def build(layer: str | Layer, schema: str = SCHEMA) -> tuple[RecordType, tuple[Conflict, ...]]:
    """The type under a layer, and what didn't fit."""
    given = read_layer(layer) if isinstance(layer, str) else layer
    schemas, conflicts = load_layered([Source("town", None, schema)], None, given)
    return schemas["town.case"], conflicts


def fitting(layer: str) -> RecordType:
    """The type under a layer of which everything fits."""
    built, conflicts = build(layer)
    assert conflicts == ()
    return built


def field(name: str, told: str) -> str:
    """A layer about one field."""
    return f"[town.case.fields.{name}]\n{told}\n"


OWN = 'type = "choice"\nchoices = ["north", { value = "south", label = "The South" }]\n'
#: One case for each key: what the layer says, where to look, and what is seen there.
KEYS: dict[str, tuple[str, Callable[[RecordType], Any], Any]] = {
    "PLUGIN.TYPE.label": (HEAD + 'label = "Matter"', lambda t: t.label, "Matter"),
    "PLUGIN.TYPE.label_plural": (HEAD + 'label_plural = "Matters"', lambda t: t.label_plural, "Matters"),
    "PLUGIN.TYPE.fields.NAME.label": (field("note", 'label = "Notes"'), lambda t: t.fields["note"].label, "Notes"),
    "PLUGIN.TYPE.fields.NAME.help": (field("size", 'help = ""'), lambda t: t.fields["size"].help, ""),
    "PLUGIN.TYPE.fields.NAME.required": (field("kind", "required = true"), lambda t: t.fields["kind"].required, True),
    "PLUGIN.TYPE.fields.NAME.hide": (
        field("note", 'hide = ["form", "list", "public_form"]'),
        lambda t: (t.fields["note"].hide, t.list.columns, t.forms["public"].fields),
        (("form", "list"), ("title", "kind"), ("summary",)),
    ),
    "PLUGIN.TYPE.fields.NAME.add_choices": (
        field("kind", 'add_choices = ["praise"]'),
        lambda t: [choice.value for choice in t.fields["kind"].choices],
        ["report", "question", "praise"],
    ),
    "PLUGIN.TYPE.fields.NAME.choices.VALUE.label": (
        field("kind.choices.question", 'label = "Ask"'),
        lambda t: t.fields["kind"].choices[1].label,
        "Ask",
    ),
    "PLUGIN.TYPE.fields.NAME.choices.VALUE.help": (
        field("kind.choices.question", 'help = "Or wonder."'),
        lambda t: t.fields["kind"].choices[1].help,
        "Or wonder.",
    ),
    "PLUGIN.TYPE.fields.NAME.choices.VALUE.retired": (
        field("kind.choices.question", "retired = true"),
        lambda t: [choice.retired for choice in t.fields["kind"].choices],
        [False, True],
    ),
    "PLUGIN.TYPE.fields.town_NAME.type": (
        field("town_at", 'type = "date"'),
        lambda t: (t.fields["town_at"].type_name, "town_at" in t.list.columns, "town_at" in t.list.filters),
        ("date", False, False),
    ),
    "PLUGIN.TYPE.fields.town_NAME.label": (
        field("town_ward", OWN + 'label = "Ward of the town"'),
        lambda t: t.fields["town_ward"].label,
        "Ward of the town",
    ),
    "PLUGIN.TYPE.fields.town_NAME.help": (
        field("town_ward", OWN + 'help = "See the map."'),
        lambda t: t.fields["town_ward"].help,
        "See the map.",
    ),
    "PLUGIN.TYPE.fields.town_NAME.required": (
        field("town_ward", OWN + 'required = true\nforms = ["public"]'),
        lambda t: t.fields["town_ward"].required,
        True,
    ),
    "PLUGIN.TYPE.fields.town_NAME.privacy": (
        field("town_ward", OWN + 'privacy = "confidential"'),
        lambda t: t.fields["town_ward"].privacy,
        "confidential",
    ),
    "PLUGIN.TYPE.fields.town_NAME.default": (
        field("town_ward", OWN + 'default = "south"'),
        lambda t: t.fields["town_ward"].default,
        "south",
    ),
    "PLUGIN.TYPE.fields.town_NAME.choices": (
        field("town_ward", OWN),
        lambda t: [(choice.value, choice.label) for choice in t.fields["town_ward"].choices],
        [("north", "North"), ("south", "The South")],
    ),
    "PLUGIN.TYPE.fields.town_NAME.to": (
        field("town_before", 'type = "link"\nto = "case"'),
        lambda t: t.fields["town_before"].target,
        "town.case",
    ),
    "PLUGIN.TYPE.fields.town_NAME.show_if": (
        field("town_ward", OWN + 'show_if = { kind = "report" }'),
        lambda t: t.fields["town_ward"].show_if.paths(),
        {"kind"},
    ),
    "PLUGIN.TYPE.fields.town_NAME.search": (
        field("town_ward", OWN + "search = true"),
        lambda t: t.fields["town_ward"].search,
        True,
    ),
    "PLUGIN.TYPE.fields.town_NAME.filter": (
        field("town_ward", OWN + "filter = true"),
        lambda t: t.list.filters,
        ("kind", "town_ward"),
    ),
    "PLUGIN.TYPE.fields.town_NAME.column": (
        field("town_ward", OWN + "column = true"),
        lambda t: t.list.columns,
        ("title", "kind", "note", "town_ward"),
    ),
    "PLUGIN.TYPE.fields.town_NAME.forms": (
        field("town_ward", OWN + 'forms = ["public"]'),
        lambda t: t.forms["public"].fields,
        ("summary", "note", "town_ward"),
    ),
    "PLUGIN.TYPE.sections.NAME.label": (
        '[town.case.sections.more]\nlabel = "Also"',
        lambda t: [section.label for section in t.sections],
        ["What", "Also"],
    ),
    "PLUGIN.TYPE.sections.NAME.help": (
        '[town.case.sections.more]\nhelp = "If you like."',
        lambda t: t.sections[1].help,
        "If you like.",
    ),
    "PLUGIN.TYPE.sections.NAME.fields": (
        '[town.case.sections.town_ours]\nfields = ["note"]\n[town.case.sections.what]\nfields = ["size", "summary"]',
        lambda t: [(section.label, section.fields) for section in t.sections],
        [("What", ("size", "summary", "kind")), ("More", ("outcome", "total")), ("Ours", ("note",))],
    ),
    "PLUGIN.TYPE.states.NAME.label": (
        '[town.case.states.new]\nlabel = "Fresh"',
        lambda t: t.workflow.states["new"].label,
        "Fresh",
    ),
    "PLUGIN.TYPE.states.NAME.public_label": (
        '[town.case.states.new]\npublic_label = "Received"',
        lambda t: (t.workflow.states["new"].label, t.workflow.states["new"].public_label),
        ("New", "Received"),
    ),
    "PLUGIN.TYPE.states.NAME.help": (
        '[town.case.states.new]\nhelp = "Look."',
        lambda t: t.workflow.states["new"].help,
        "Look.",
    ),
    "PLUGIN.TYPE.states.NAME.public_help": (
        '[town.case.states.new]\npublic_help = "We have it."',
        lambda t: t.workflow.states["new"].public_help,
        "We have it.",
    ),
}


@pytest.mark.parametrize("key", [f"{key.table}.{key.name}" for key in LAYER_KEYS])
def test_each_key_does_something(key: str) -> None:
    """Every key of the layer changes the type, in the way that it says, and without it the type is another."""
    layer, look, seen = KEYS[key]
    assert look(fitting(layer)) == seen
    assert write_layer(read_layer(write_layer(read_layer(layer)))) == write_layer(read_layer(layer))
    if "town_NAME" not in key:
        assert look(fitting("")) != seen if "ours" not in layer else True


def test_without_a_layer_nothing_changes() -> None:
    """An empty layer gives the types just as they are shipped."""
    built, conflicts = build(EMPTY)
    assert conflicts == ()
    assert changes(load_schemas([Source("town", None, SCHEMA)])["town.case"], built, ()) == []


#: What an upgrade did, and what is said about the layer's part that lost its subject.
GONE = [
    (field("gone", 'label = "X"'), ("fields", "gone", "label"), "no field “gone”"),
    (field("gone", 'hide = ["form"]'), ("fields", "gone", "hide", "form"), "no field “gone”"),
    (field("kind.choices.praise", "retired = true"), ("fields", "kind", "choices", "praise", "retired"), "no choice"),
    (field("note.choices.praise", "retired = true"), ("fields", "note", "choices", "praise", "retired"), "no choices"),
    (field("kind", 'add_choices = ["report"]'), ("fields", "kind", "add_choices", "report"), "is shipped now"),
    ('[town.case.sections.gone]\nlabel = "X"', ("sections", "gone", "label"), "no section “gone”"),
    ('[town.case.sections.gone]\nfields = ["note"]', ("sections", "gone", "fields"), "no section “gone”"),
    ('[town.case.sections.what]\nfields = ["gone"]', ("sections", "what", "fields", "gone"), "no field “gone”"),
    ('[town.case.states.gone]\nlabel = "X"', ("states", "gone", "label"), "no state “gone”"),
    (field("town_a", 'type = "text"\nshow_if = { gone = 1 }'), ("fields", "town_a", "show_if"), "no field “gone”"),
    (field("town_a", 'type = "text"\nforms = ["gone"]'), ("fields", "town_a", "forms", "gone"), "no public form"),
    (field("town_a", 'type = "link"\nto = "gone"'), ("fields", "town_a"), "no type “town.gone”"),
    (field("town_a", 'type = "link"\nto = "other.thing"'), ("fields", "town_a"), "not required"),
    ("[town.gone]\nlabel = 'X'", (), "no such type"),
    # and what never could be
    (field("summary", 'hide = ["form"]'), ("fields", "summary", "hide", "form"), "required"),
    (field("summary", 'hide = ["public_form"]'), ("fields", "summary", "hide", "public_form"), "required"),
    (field("outcome", 'hide = ["form"]'), ("fields", "outcome", "hide", "form"), "the move “Finish” needs it"),
    (field("size", 'hide = ["form"]'), ("fields", "size", "hide", "form"), "a rule is about it"),
    (field("size", 'hide = ["public_form"]'), ("fields", "size", "hide", "public_form"), "a rule is about it"),
    (field("kind.choices.report", "retired = true"), ("fields", "kind", "choices", "report", "retired"), "starts with"),
    (field("total", "required = true"), ("fields", "total", "required"), "nobody types"),
    (field("town_a", 'type = "choice"'), ("fields", "town_a"), "choices"),
]


@pytest.mark.parametrize(
    ("layer", "path", "words"), GONE, ids=lambda value: ".".join(value) if isinstance(value, tuple) else ""
)
def test_a_part_that_does_not_fit_is_left_out_and_told(layer: str, path: tuple[str, ...], words: str) -> None:
    """What an upgrade took away, or what can't be, is told in a sentence with its place; all the rest counts.

    Once that part is removed, nothing is told any more.
    """
    rest = read_layer(HEAD + 'label = "Matter"\n' + field("town_rest", 'type = "text"\ncolumn = true'))
    given = read_layer(layer)
    both = Layer({**given.types, "town.case": _joined(given.of("town.case"), rest.of("town.case"))})
    built, conflicts = build(both)
    assert [conflict.path for conflict in conflicts] == [path]
    assert words.casefold() in conflicts[0].message.casefold()
    assert conflicts[0].message[0].isupper() or conflicts[0].message[0] == "“"
    assert conflicts[0].message.endswith((".", "?"))
    assert (built.label, "town_rest" in built.list.columns) == ("Matter", True)
    assert build(layer_editing.remove(both, conflicts[0].identity, path))[1] == ()


def _joined(one: Any, other: Any) -> Any:
    """Two tables as one."""
    made = dict(one)
    for key, value in other.items():
        made[key] = _joined(made[key], value) if key in made and isinstance(value, dict) else value
    return made


def test_a_required_field_is_not_asked_of_all_when_its_condition_is_gone() -> None:
    """An own field whose condition can't be judged is not required meanwhile: nobody is locked out of their work."""
    built, conflicts = build(field("town_a", 'type = "text"\nrequired = true\nshow_if = { gone = true }'))
    assert (built.fields["town_a"].required, built.fields["town_a"].show_if) == (False, None)
    assert len(conflicts) == 1


def test_mistakes_of_the_plugin_stay_its_own() -> None:
    """With a layer over it, a wrong schema is refused just as without."""
    wrong = SCHEMA.replace('type = "integer"', 'type = "integr"')
    with pytest.raises(SchemaErrors, match="integr"):
        build(HEAD + 'label = "Matter"', wrong)


def test_new_shipped_fields_keep_the_place_that_they_are_shipped_at() -> None:
    """A field that comes with an upgrade stands behind the one that it is shipped behind, in the town's order."""
    layer = '[town.case.sections.what]\nfields = ["size", "kind", "summary"]'
    newer = SCHEMA.replace('"summary", "kind", "size"', '"first", "summary", "kind", "extra", "size"')
    newer += '\n[fields.first]\ntype = "text"\n[fields.extra]\ntype = "text"\n'
    built, conflicts = build(layer, newer)
    assert conflicts == ()
    assert built.sections[0].fields == ("first", "size", "kind", "extra", "summary")


def test_order_without_told_sections() -> None:
    """A schema that tells no sections has the same ones under a layer as without."""
    plain = (
        SCHEMA.partition("[[sections]]")[0] + "[fields.lines]\ntype = 'rows'\n[fields.lines.fields.a]\ntype = 'text'\n"
    )
    built, conflicts = build('[town.case.sections.details]\nfields = ["note"]', plain)
    assert conflicts == ()
    before = load_schemas([Source("town", None, plain)])["town.case"]
    assert [section.name for section in built.sections] == [section.name for section in before.sections]
    assert sorted(built.sections[0].fields) == sorted(before.sections[0].fields)


# -- the file -------------------------------------------------------------------------------------------------------

MISTAKES = [
    ("[town.case", "valid TOML"),
    ("town = 1", "write it as a table"),
    ("[town.case]\nlable = 'X'", "did you mean “label”"),
    ("[town.case]\nlabel = 1", "takes a text"),
    (field("town_a", 'type = "txt"'), "did you mean “text”"),
    (field("town_a", 'label = "A"'), "“type” is missing"),
    (field("town_a", 'type = "rows"'), "takes one of"),
    (field("town_", 'type = "text"'), "a name is needed"),
    (field("town_a", 'type = "text"\ndefault = 2026-01-01'), "takes a text"),
    (field("note", "required = false"), "not optional"),
    (field("note", 'hide = ["lists"]'), "did you mean “list”"),
    (field("note", "show_if = { a = 1 }"), "no key “show_if”"),
    (field("note", "choices = []"), "as a table"),
    (field("Note", 'label = "A"'), "can't be a name"),
    ('[town.case.sections.a]\nfields = ["x", "x"]', "twice"),
    ('[town.case.sections.a]\nfields = ["x"]\n[town.case.sections.b]\nfields = ["x"]', "also in section"),
]


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_a_wrong_file_is_refused_in_sentences(text: str, words: str) -> None:
    """A mistake in a layer's file is told with the file, its place, and the nearest that would be right."""
    with pytest.raises(SchemaErrors) as caught:
        read_layer(text, "ours.toml")
    (mistake,) = caught.value.mistakes
    assert mistake.file == "ours.toml"
    assert words.casefold() in mistake.message.casefold()


def test_the_file_reads_back_the_same() -> None:
    """Whatever stands in a layer (quotes, lines, numbers), it is the same after writing and reading."""
    strange = 'He said "no" \\ and\nleft\x7f\x01 – ünï'
    choice = {"value": "a b.c", "label": strange, "retired": True}
    own = {"type": "decimal", "label": strange, "default": Decimal("1.50"), "show_if": {"any": [{"a": True}, {"b": 2}]}}
    fields = {"town_b": own, "town_a": {"type": "choice", "choices": [choice, "plain"]}}
    fields["kind"] = {"choices": {"strange value": {"label": strange, "retired": False}}, "hide": ["form"]}
    layer = Layer({"town.case": {"label": strange, "fields": fields}})
    text = write_layer(layer)
    assert read_layer(text) == layer
    assert list(read_layer(text).own_fields("town.case")) == ["town_b", "town_a"]
    assert write_layer(read_layer(text)) == text


def test_the_prefix_is_the_towns() -> None:
    """A schema may not use the names that are kept for the town's own fields and sections."""
    for more in ("[fields.town_ward]\ntype = 'text'", "[[sections]]\nname = 'town_x'\nfields = []"):
        with pytest.raises(SchemaErrors, match="town_"):
            load_schemas([Source("town", None, SCHEMA.partition("[[sections]]")[0] + more)])


# -- editing --------------------------------------------------------------------------------------------------------


def test_moving_a_field() -> None:
    """A field goes up and down inside its section, and from the edge into the one beside it; at the ends it stays."""

    def order(layer: Layer) -> list[list[str]]:
        return [list(section.fields) for section in build(layer)[0].sections]

    def moved(layer: Layer, name: str, down: bool) -> Layer:
        return layer_editing.move(layer, build(layer)[0], name, down)

    start = [["summary", "kind", "size"], ["note", "outcome", "total"]]
    assert order(EMPTY) == start
    up = moved(EMPTY, "kind", down=False)
    assert order(up)[0] == ["kind", "summary", "size"]
    assert order(moved(up, "kind", down=False)) == order(up)
    across = moved(EMPTY, "size", down=True)
    assert order(across) == [["summary", "kind"], ["size", "note", "outcome", "total"]]
    assert order(moved(across, "size", down=False)) == start
    assert order(moved(EMPTY, "total", down=True)) == start
    own = layer_editing.put(EMPTY, "town.case", ("fields", "town_a"), {"type": "text"})
    placed = layer_editing.place(own, build(own)[0], "town_a", "what")
    assert order(placed)[0] == ["summary", "kind", "size", "town_a"]
    assert placed.table("town.case", "sections", "what")["fields"] == ["town_a"]
    assert layer_editing.remove(placed, "town.case", ("fields", "town_a")) == EMPTY


# -- what changes ---------------------------------------------------------------------------------------------------


def test_what_changes_is_told_in_sentences() -> None:
    """Two types that a layer tells apart are compared in sentences that name everything, both ways."""
    layer = (
        HEAD
        + 'label = "Matter"\n'
        + field("town_ward", OWN + 'search = true\ncolumn = true\nforms = ["public"]')
        + field("size", 'label = "Length"\nhelp = "In inches."\nrequired = true')
        + field("note", 'hide = ["form", "list"]')
        + field("kind", 'add_choices = ["praise"]')
        + field("kind.choices.question", 'label = "Ask"\nretired = true')
        + '[town.case.states.new]\nlabel = "Fresh"\n[town.case.sections.what]\nlabel = "About"\nfields = ["kind"]\n'
    )
    plain: Schemas = load_schemas([Source("town", None, SCHEMA)])
    built, conflicts = build(layer)
    # The public form doesn't ask for the size, so it can't be required.
    assert [conflict.path for conflict in conflicts] == [("fields", "size", "required")]
    told = " ".join(changes(plain["town.case"], built, ()))
    for words in (
        "“Case” is called “Matter”.",
        "The field “Ward” is added: the table “town_case” gets the column “town_ward”.",
        "The field “Size” is called “Length”.",
        "“Length” has another help text.",
        "“Note” is hidden from the clerks’ form.",
        "“Note” is hidden from the list.",
        "“Kind” gets the choice “Praise”.",
        "The choice “Question” of “Kind” is called “Ask”.",
        "“Ask” of “Kind” is offered no more",
        "The state “New” is called “Fresh”.",
        "The section “What” is called “About”.",
        "“Ward” is a column of the list.",
        "The public form “Tell us” asks “Ward”.",
    ):
        assert words in told
    back = " ".join(changes(built, plain["town.case"], ()))
    for words in ("“Ward” is removed from all pages", "is offered again", "no choice “Praise”", "shown again in"):
        assert words in back
    assert "from before" in " ".join(changes(plain["town.case"], built, ("town_ward",)))
