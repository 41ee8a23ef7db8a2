"""Schema files become types, with sensible defaults; every mistake in every file is told at once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from townhall_forms.errors import SchemaErrors
from townhall_forms.keys import KEYS
from townhall_forms.keys import LISTS
from townhall_forms.keys import Key
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.loading import read_folder
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

CONTACT = """
[type]
name = "contact"
title = "{name}"
[fields.name]
type = "text"
required = true
privacy = "public"
[fields.secret]
type = "text"
privacy = "confidential"
"""

GRANT = """
[type]
name = "grant"
label = "Grant"
title = "{purpose} ({applicant})"
number = "G-{year}-{seq:04}"
contacts = ["applicant"]

[fields.purpose]
type = "text"
required = true
show_if = { small = { ne = true } }

[fields.small]
type = "boolean"

[fields.applicant]
type = "link"
to = "core.contact"
where = { name = { empty = false } }

[fields.amount]
type = "money"
max = 100.10

[fields.kind]
type = "choice"
choices = ["one_off", "Every year", { value = "x", label = "Other", retired = true }]

[fields.lines]
type = "rows"
privacy = "public"
[fields.lines.fields.what]
type = "text"
[fields.lines.fields.cost]
type = "money"
currency = "EUR"
require_if = { what = { empty = false } }

[fields.total]
type = "computed"
compute = { sum = "lines.cost" }

[fields.shown_total]
type = "computed"
compute = { copy = "total" }

[forms.public]
fields = ["purpose", "applicant", "lines"]
contact = "required"

[workflow]
initial = "draft"
[workflow.states]
draft = { label = "Draft", incomplete = true }
asked = { public_label = "Received" }
paused = { pauses_clock = true }
done = { final = true }
[[workflow.transitions]]
name = "send"
from = ["draft"]
to = "asked"
by = ["citizen", "staff"]
[[workflow.transitions]]
name = "pause"
from = "asked"
to = "paused"
by = ["staff"]
[[workflow.transitions]]
name = "finish"
from = "*"
to = "done"
by = ["staff"]
require = ["amount"]
"""


def source(text: str, plugin: str = "grants", name: str = "grant", requires: frozenset[str] = frozenset()) -> Source:
    return Source(plugin, Path(f"{name}.toml"), text, requires)


def load(*texts: str) -> Schemas:
    core = source(CONTACT, "core", "contact")
    return load_schemas([core, *(source(text, name=f"file{index}") for index, text in enumerate(texts))])


def mistakes(*texts: str) -> list[tuple[str, str]]:
    """The mistakes as (key, message)."""
    with pytest.raises(SchemaErrors) as caught:
        load(*texts)
    return [(mistake.key, mistake.message) for mistake in caught.value.mistakes]


@pytest.fixture(scope="module")
def grant() -> RecordType:
    return load(GRANT)["grants.grant"]


def test_names_come_from_the_plugin_and_the_type(grant: RecordType) -> None:
    """Identity, table and words for one and several follow from the name."""
    assert (grant.identity, grant.table) == ("grants.grant", "grants_grant")
    assert (grant.label, grant.label_plural) == ("Grant", "Grants")
    assert grant.fields["shown_total"].label == "Shown total"


def test_fields_keep_the_order_of_the_file(grant: RecordType) -> None:
    """Computed fields, which are built last, stand where they were written."""
    names = ["purpose", "small", "applicant", "amount", "kind", "lines", "total", "shown_total"]
    assert list(grant.fields) == names


def test_numbers_are_read_exactly(grant: RecordType) -> None:
    """A limit in TOML never passes through a binary fraction."""
    assert grant.fields["amount"].max == Decimal("100.10")


def test_choices_get_labels(grant: RecordType) -> None:
    """A code becomes words; what is written as words stays."""
    assert [choice.label for choice in grant.fields["kind"].choices] == ["One off", "Every year", "Other"]
    assert grant.fields["kind"].choices[2].retired


def test_columns_of_rows_take_their_privacy_from_the_rows(grant: RecordType) -> None:
    """What is inside is as public as what it is in, unless it says otherwise."""
    assert {column.privacy for column in grant.fields["lines"].row_fields.values()} == {"public"}


def test_a_computed_field_knows_what_it_stores(grant: RecordType) -> None:
    """The type and currency of a sum or copy are those of what it is worked out from."""
    assert [(grant.fields[name].type_name, grant.fields[name].currency) for name in ("total", "shown_total")] == [
        ("money", "EUR"),
        ("money", "EUR"),
    ]
    assert grant.fields["total"].is_computed


def test_conditions_know_what_they_compare(grant: RecordType) -> None:
    """Conditions of fields, of links' targets and of columns are read with the types of what they name."""
    assert grant.fields["purpose"].show_if is not None
    assert next(grant.fields["purpose"].show_if.leaves()).kind == "boolean"
    assert grant.fields["applicant"].where is not None
    column = grant.fields["lines"].row_fields["cost"]
    assert column.require_if is not None
    assert next(column.require_if.leaves()).kind == "text"


def test_sections_have_a_sensible_default(grant: RecordType) -> None:
    """Short fields are together, long ones stand alone."""
    assert [(section.name, section.label) for section in grant.sections] == [("details", "Details"), ("lines", "Lines")]
    assert grant.sections[1].fields == ("lines",)


def test_a_field_that_no_section_names_is_in_the_last() -> None:
    """A field that was added later is never lost from the form."""
    text = (
        GRANT + '[[sections]]\nname = "who"\nfields = ["applicant"]\n[[sections]]\nname = "rest"\nfields = ["kind"]\n'
    )
    last = load(text)["grants.grant"].sections[-1]
    assert last.fields == ("kind", "purpose", "small", "amount", "lines", "total", "shown_total")


def test_the_list_has_a_sensible_default(grant: RecordType) -> None:
    """Without [list], a clerk sees number, title, what a case has, and when it was made."""
    assert grant.list.columns[:5] == ("number", "title", "state", "assignee", "due")
    assert grant.list.columns[-1] == "created"
    assert grant.list.sort == "-created"
    assert grant.list.filters[:3] == ("state", "assignee", "due")


def test_a_case_has_the_fields_of_a_case(grant: RecordType) -> None:
    """State, assignee, due and closed are fields like others; a type without workflow has none of them."""
    assert [choice.value for choice in grant.system_fields["state"].choices] == ["draft", "asked", "paused", "done"]
    assert "assignee" not in load()["core.contact"].system_fields


def test_states_have_labels_and_tones(grant: RecordType) -> None:
    """Words and colour follow from what a state is."""
    assert grant.workflow is not None
    states = grant.workflow.states.values()
    assert [(state.label, state.public_label, state.tone) for state in states] == [
        ("Draft", "Draft", "new"),
        ("Asked", "Received", "live"),
        ("Paused", "Paused", "wait"),
        ("Done", "Done", "ok"),
    ]


def test_a_star_leaves_every_state_that_is_not_final(grant: RecordType) -> None:
    """``from = "*"`` needs no list that would go stale."""
    assert grant.workflow is not None
    finish = grant.workflow.transition("finish")
    assert finish is not None
    assert finish.sources == ("draft", "asked", "paused")


def test_a_form_without_steps_is_one_step(grant: RecordType) -> None:
    """Fields alone make a form of one page, and the contact is the type's first."""
    form = grant.forms["public"]
    assert [step.fields for step in form.steps] == [("purpose", "applicant", "lines")]
    assert form.contact_field == "applicant"
    assert form.label == "Grant"


def test_a_type_may_say_itself_how_records_come_in() -> None:
    """``channel`` is the one standard field that can be declared."""
    text = GRANT + '[fields.channel]\ntype = "choice"\nchoices = ["phone", "post"]\n'
    grant = load(text)["grants.grant"]
    assert "channel" not in grant.system_fields
    assert [choice.value for choice in grant.all_fields["channel"].choices] == ["phone", "post"]


def test_types_that_are_known_can_be_linked_to() -> None:
    """A plugin is loaded over the types that are there already, which are part of the result."""
    core = load_schemas([source(CONTACT, "core", "contact")])
    both = load_schemas([source(GRANT)], core)
    assert set(both) == {"core.contact", "grants.grant"}
    assert both["core.contact"] is core["core.contact"]


def test_a_folder_is_read_in_order(tmp_path: Path) -> None:
    """A folder's TOML files are its schemas, byte order marks and all; a missing folder has none."""
    (tmp_path / "b.toml").write_text(GRANT, encoding="utf-8-sig")
    (tmp_path / "a.toml").write_text(CONTACT, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    found = read_folder("grants", tmp_path, ["core"])
    assert [file.path.name for file in found if file.path] == ["a.toml", "b.toml"]
    assert found[1].text == GRANT
    assert read_folder("grants", tmp_path / "none") == []


# -- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("[type\n", "", "not valid TOML"),
        ("[fields.a]\ntype = 'text'\n", "type", "needs a [type] table"),
        ("[type]\ntitle = 'x'\n", "type", "“name” is missing"),
        ("[type]\nname = 'x'\n", "type", "“title” is missing"),
        ("[type]\nname = 'Big Name'\ntitle = 'x'\n", "type.name", "lower case"),
        ("[type]\nname = 'x'\ntitle = 'x'\nlable = 'X'\n", "type.lable", "did you mean “label”"),
        ("[type]\nname = 'x'\ntitle = 'x'\nnavigation = 'menu'\n", "type.navigation", "one of records, setup, hidden"),
        ("[type]\nname = 'x'\ntitle = '{'\n", "type.title", "brace"),
        ("[type]\nname = 'x'\ntitle = 'x'\nnumber = 'X-{year}'\n", "type.number", "{seq}"),
        ("[type]\nname = 'x'\ntitle = 'x'\n[feilds.a]\ntype = 'text'\n", "feilds", "did you mean “fields”"),
        ("[type]\nname = 'x'\ntitle = 'x'\n[checks]\nmessage = 'x'\n", "checks", "[[checks]]"),
        ("[type]\nname = 'x'\ntitle = 'x'\n[[checks]]\nmessage = 'x'\n", "checks.1", "“require” is missing"),
        ("[type]\nname = 'x'\ntitle = 'x'\n[list]\ncolumns = 'title'\n", "list.columns", "list of texts"),
        ("[type]\nname = 'x'\ntitle = 'x'\n[workflow]\ninitial = 'a'\n", "workflow", "needs states"),
        ("[type]\nname = 'x'\ntitle = 'x'\n[forms.public]\nlabel = 'x'\n", "forms.public", "needs fields"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_place(text: str, key: str, words: str) -> None:
    """What can't be understood has a key path and a sentence with what to do."""
    assert [found for found in mistakes(text) if found[0] == key and words.lower() in found[1].lower()], mistakes(text)


@pytest.mark.parametrize(
    ("field", "key", "words"),
    [
        ("type = 'txt'", "type", "did you mean “text”"),
        ("label = 'x'", "", "“type” is missing"),
        ("type = 'text'\nrequried = true", "requried", "did you mean “required”"),
        ("type = 'text'\nrequired = 'yes'", "required", "true or false, without quotes"),
        ("type = 'text'\nprivacy = 'secret'", "privacy", "one of public, internal, confidential"),
        ("type = 'text'\ncurrency = 'USD'", "currency", "does nothing on a field of type text"),
        ("type = 'text'\nwhere = { a = 1 }", "where", "does nothing on a field of type text"),
        ("type = 'text'\nmax_length = '5'", "max_length", "whole number"),
        ("type = 'text'\nmin_length = 9\nmax_length = 3", "max_length", "less than the least, “9”"),
        ("type = 'integer'\nmin = 5\nmax = 2", "max", "nothing would fit"),
        ("type = 'integer'\nmin = 'low'", "min", "can't be a limit of integer"),
        ("type = 'money'\nmax = 'much'", "max", "can't be a limit of money"),
        ("type = 'date'\nmax = 'yesterday'", "max", "can't be a limit of date"),
        ("type = 'time'\nmin = 'noon'", "min", "can't be a limit of time"),
        ("type = 'integer'\ndefault = 'x'", "default", "would be refused"),
        ("type = 'integer'\nmax = 3\ndefault = 9", "default", "Enter 3 or less."),
        ("type = 'choice'\nchoices = ['a']\ndefault = 'z'", "default", "not one of the choices"),
        ("type = 'date'\ndefault = 'tomorrow'", "default", "It takes today too."),
        ("type = 'text'\nshow_if = 'other'", "show_if", "condition like"),
        ("type = 'text'\nshow_if = { othr = 1 }", "show_if.othr", "did you mean “other”"),
        ("type = 'text'\nshow_if = { other = 'many' }", "show_if.other", "needs a number"),
        ("type = 'text'\nshow_if = { other = { above = 1 } }", "show_if.other.above", "not an operator"),
        ("type = 'choice'\nchoices = 'a'", "choices", "list of texts"),
        ("type = 'choice'\nchoices = [{ vale = 'a' }]", "choices", "did you mean “value”"),
        ("type = 'rows'\nfields = { a = 'text' }", "fields.a", "write it as a table"),
        ("type = 'rows'\nfields.a.type = 'rows'\nfields.a.fields.b.type = 'text'", "fields.a.fields", "inside rows"),
        ("type = 'rows'\nfields.a.type = 'text'\nfields.a.hlep = 'x'", "fields.a.hlep", "did you mean “help”"),
        ("type = 'computed'", "", "needs “compute”"),
        ("type = 'computed'\ncompute = { total = 'x' }", "compute", "not a way to compute"),
        ("type = 'computed'\ncompute = { sum = 'a', count = 'b' }", "compute", "takes one of"),
        ("type = 'computed'\ncompute = { days_between = 'a' }", "compute", "two fields"),
        ("type = 'computed'\ncompute = { hook = 'x' }", "", "needs “stores”"),
    ],
)
def test_a_mistake_in_a_field_is_told_with_its_place(field: str, key: str, words: str) -> None:
    """Unknown keys, wrong shapes and keys that would do nothing are all refused."""
    text = f"[type]\nname = 'x'\ntitle = '{{other}}'\n[fields.other]\ntype = 'integer'\n[fields.field]\n{field}\n"
    place = f"fields.field.{key}".rstrip(".")
    assert [found for found in mistakes(text) if found[0] == place and words.lower() in found[1].lower()], mistakes(
        text
    )


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    """An author corrects everything in one go."""
    first = "[type]\nname = 'a'\ntitle = '{x}'\n[fields.x]\ntype = 'txt'\n[fields.y]\ntype = 'text'\nhlep = 'h'\n"
    second = "[type]\nname = 'b'\ntitle = 'B'\n[fields.l]\ntype = 'link'\nto = 'c'\n"
    found = mistakes(first, second)
    assert sorted(key for key, _ in found) == ["fields.l.to", "fields.x.type", "fields.y.hlep"]


def test_a_field_that_is_wrong_causes_no_further_complaints() -> None:
    """One mistake is told once, not again wherever the field is used."""
    text = """
    [type]
    name = "a"
    title = "{x}"
    [fields.x]
    type = "txt"
    [fields.y]
    type = "text"
    show_if = { x = 1 }
    [list]
    columns = ["x"]
    [[sections]]
    name = "s"
    fields = ["x", "y"]
    """
    assert [key for key, _ in mistakes(text)] == ["fields.x.type"]


def test_a_file_that_can_not_be_read_does_not_make_links_to_it_wrong() -> None:
    """The type of a broken file is taken to be there."""
    broken = Source("grants", Path("round.toml"), "[type\n")
    linking = source("[type]\nname = 'a'\ntitle = 'A {l.name}'\n[fields.l]\ntype = 'link'\nto = 'round'\n")
    with pytest.raises(SchemaErrors) as caught:
        load_schemas([broken, linking])
    assert [mistake.file for mistake in caught.value.mistakes] == ["round.toml"]


def test_a_mistake_names_its_file() -> None:
    """The sentence can be shown as it is: file, key, what and what to do."""
    with pytest.raises(SchemaErrors) as caught:
        load_schemas([source("[type]\nname = 'x'\ntitle = 'x'\nlable = 'X'\n")])
    assert str(caught.value) == "grant.toml: type.lable: There is no key “lable” in [type]; did you mean “label”?"


def test_a_type_is_declared_once() -> None:
    """Two files can't declare one identity."""
    text = "[type]\nname = 'a'\ntitle = 'A'\n"
    assert [(key, "declared twice" in message) for key, message in mistakes(text, text)] == [("type.name", True)]


@pytest.mark.parametrize("key", KEYS, ids=[f"{key.table}.{key.name}" for key in KEYS])
def test_every_key_refuses_a_value_of_another_shape(key: Key) -> None:
    """No key takes just anything: a date where none belongs is a mistake with the key's own path."""
    wrong = "{ bad = { worse = 1 } }" if key.shape in ("value", "columns") else "1979-05-27"
    table = key.table.replace("NAME", "thing")
    brackets = f"[[{table}]]" if key.table in LISTS else f"[{table}]"
    before = "" if key.table.startswith("type") else "[type]\nname = 'x'\ntitle = 'x'\n"
    around = [f"[[{each}]]\n" for each in LISTS if table.startswith(f"{each}.")]
    text = f"{before}{''.join(around)}{brackets}\n{key.name} = {wrong}\n"
    assert [found for found, _ in mistakes(text) if found.endswith(f".{key.name}") or f".{key.name}." in found], text
