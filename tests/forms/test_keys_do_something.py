"""Each key of a field changes what is written, kept, drawn and published: one case for each key and door."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from jinja2 import PackageLoader
from keys_shown import Case
from keys_shown import shows
from plain_context import PlainContext

from townhall_forms.computing import compute
from townhall_forms.context import Option
from townhall_forms.errors import Invalid
from townhall_forms.forms import build_form
from townhall_forms.jsonschema import record_schema
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.tables import describe
from townhall_forms.validating import check_record
from townhall_forms.validating import clear_hidden
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter
from townhall_forms.values import Question
from townhall_forms.values import Questions

Look = Callable[[Schemas], Any]

TOPIC = """
[type]
name = "topic"
title = "{name}"
[fields.name]
type = "text"
[fields.asked]
type = "questions"
[fields.also]
type = "questions"
"""
HEAD = """
[type]
name = "thing"
title = "{name}"
[fields.name]
type = "text"
[fields.topic]
type = "link"
to = "topic"
[fields.a]
"""


def questions(code: str) -> Questions:
    return Questions(1, (Question(code, code.capitalize(), "integer", required=True),))


class Town(PlainContext):
    """Topics with questions, and links that mind their ``where``."""

    def __init__(self) -> None:
        one = {"title": "Trees", "name": "Trees", "asked": questions("high"), "also": questions("old")}
        super().__init__(
            records={
                "town.topic": {1: one, 2: {"title": "Roads", "name": "Roads"}},
                "core.contact": {5: {"title": "Ada"}},
            }
        )

    def options(self, identity: str, where: Any, text: str, limit: int) -> Sequence[Option]:
        known = self.records.get(identity, {})
        fitting = (id for id in known if where is None or where.evaluate(known[id].get, environment_of(self)))
        return [Option(id, known[id]["title"]) for id in fitting]


def thing(schemas: Schemas) -> RecordType:
    return schemas["town.thing"]


# -- looking at doors -----------------------------------------------------------------------------------------------


def writing(raw: dict[str, Any], *, stored: dict[str, Any] | None = None) -> Look:
    """What becomes of these values on their way into a record: the values kept, and the errors."""

    def look(schemas: Schemas) -> Any:
        context, record_type = Town(), thing(schemas)
        values: dict[str, Any] = dict.fromkeys(record_type.fields) | (stored or {})
        errors: dict[str, str] = {}
        for name, given in raw.items():
            try:
                values[name] = record_type.fields[name].bind(values, context).parse(given, context)
            except Invalid as error:
                errors[name] = error.message
        get = value_getter(record_type, values, context)
        clear_hidden(record_type, values, get, environment_of(context))
        values |= compute(record_type, values, context)
        previous = value_getter(record_type, stored, context) if stored is not None else None
        found = check_record(
            record_type, values, state="", context=context, get=get, previous=previous, changed=raw.keys()
        )
        return values, found | errors

    return look


def drawing(values: dict[str, Any] | None = None, stored: dict[str, Any] | None = None) -> Look:
    """The form as a page draws it."""

    def look(schemas: Schemas) -> str:
        record_type = thing(schemas)
        form = build_form(record_type, list(record_type.fields), Town(), values=values, stored=stored)
        environment = Environment(loader=PackageLoader("townhall_forms"), autoescape=True)
        page = environment.from_string('{% from "townhall_forms/field.html" import draw_all %}{{ draw_all(form) }}')
        return page.render(form=form)

    return look


def keeping(schemas: Schemas) -> Any:
    """The tables and their columns."""
    return {name: [(column.name, column.kind) for column in spec.columns] for name, spec in describe(schemas).items()}


def publishing(schemas: Schemas) -> Any:
    """The JSON Schema of the records."""
    return record_schema(thing(schemas))


CHOICES = "choices = ['x', 'y']"
MORE_CHOICES = "choices = ['x', 'y', 'z']"
ROWS = "type = 'rows'\nfields.b.type = 'money'\nfields.b.currency = 'USD'"
TOTAL = "type = 'rows'\nfields.b.type = 'integer'\n[fields.total]\ntype = 'computed'\n"
CHECK = "type = 'integer'\n[[checks]]\nmessage = 'Too much.'\n"
ANSWERS = "type = 'answers'\n"
FILES = "type = 'files'\n"

CASES = [
    Case("fields.NAME.type", "storage", "type = 'text'", "type = 'integer'", keeping),
    Case("fields.NAME.type", "form", "type = 'text'", "type = 'date'", drawing()),
    Case("fields.NAME.label", "form", "type = 'text'", "type = 'text'\nlabel = 'Street'", drawing()),
    Case("fields.NAME.help", "form", "type = 'text'", "type = 'text'\nhelp = 'As on the door.'", drawing()),
    Case("fields.NAME.required", "records", "type = 'text'", "type = 'text'\nrequired = true", writing({})),
    Case("fields.NAME.required", "form", "type = 'text'", "type = 'text'\nrequired = true", drawing()),
    Case("fields.NAME.default", "form", "type = 'text'", "type = 'text'\ndefault = 'Here'", drawing()),
    Case("fields.NAME.read_only", "records", "type = 'text'", "type = 'text'\nread_only = true", writing({"a": "x"})),
    Case("fields.NAME.read_only", "form", "type = 'text'", "type = 'text'\nread_only = true", drawing()),
    Case(
        "fields.NAME.show_if",
        "records",
        "type = 'text'\nrequired = true",
        "type = 'text'\nrequired = true\nshow_if = { name = 'x' }",
        writing({"name": "y"}),
    ),
    Case("fields.NAME.show_if", "form", "type = 'text'", "type = 'text'\nshow_if = { name = 'x' }", drawing()),
    Case(
        "fields.NAME.require_if",
        "records",
        "type = 'text'",
        "type = 'text'\nrequire_if = { name = 'x' }",
        writing({"name": "x"}),
    ),
    Case("fields.NAME.require_if", "form", "type = 'text'", "type = 'text'\nrequire_if = { name = 'x' }", drawing()),
    Case(
        "fields.NAME.lock_if",
        "records",
        "type = 'text'",
        "type = 'text'\nlock_if = { name = 'x' }",
        writing({"a": "new"}, stored={"name": "x", "a": "old"}),
    ),
    Case(
        "fields.NAME.lock_if",
        "form",
        "type = 'text'",
        "type = 'text'\nlock_if = { name = 'x' }",
        drawing({"a": "old", "name": "x"}, {"a": "old", "name": "x"}),
    ),
    Case(
        "fields.NAME.when_hidden",
        "records",
        "type = 'text'\nshow_if = { name = 'x' }",
        "type = 'text'\nshow_if = { name = 'x' }\nwhen_hidden = 'clear'",
        writing({"a": "z", "name": "y"}),
    ),
    Case("fields.NAME.unit", "form", "type = 'integer'", "type = 'integer'\nunit = 'sq ft'", drawing()),
    Case(
        "fields.NAME.choices",
        "records",
        f"type = 'choice'\n{CHOICES}",
        f"type = 'choice'\n{MORE_CHOICES}",
        writing({"a": "z"}),
    ),
    Case("fields.NAME.choices", "form", f"type = 'choice'\n{CHOICES}", f"type = 'choice'\n{MORE_CHOICES}", drawing()),
    Case(
        "fields.NAME.choices",
        "jsonschema",
        f"type = 'choice'\n{CHOICES}",
        f"type = 'choice'\n{MORE_CHOICES}",
        publishing,
    ),
    Case("fields.NAME.min", "records", "type = 'integer'", "type = 'integer'\nmin = 5", writing({"a": 4})),
    Case("fields.NAME.min", "jsonschema", "type = 'integer'", "type = 'integer'\nmin = 5", publishing),
    Case("fields.NAME.max", "records", "type = 'integer'", "type = 'integer'\nmax = 5", writing({"a": 6})),
    Case("fields.NAME.max", "jsonschema", "type = 'integer'", "type = 'integer'\nmax = 5", publishing),
    Case("fields.NAME.min_length", "records", "type = 'text'", "type = 'text'\nmin_length = 5", writing({"a": "x"})),
    Case("fields.NAME.min_length", "jsonschema", "type = 'text'", "type = 'text'\nmin_length = 5", publishing),
    Case("fields.NAME.max_length", "records", "type = 'text'", "type = 'text'\nmax_length = 1", writing({"a": "xy"})),
    Case("fields.NAME.max_length", "jsonschema", "type = 'text'", "type = 'text'\nmax_length = 1", publishing),
    Case("fields.NAME.pattern", "records", "type = 'text'", "type = 'text'\npattern = '[0-9]+'", writing({"a": "x"})),
    Case("fields.NAME.pattern", "jsonschema", "type = 'text'", "type = 'text'\npattern = '[0-9]+'", publishing),
    Case(
        "fields.NAME.pattern_message",
        "records",
        "type = 'text'\npattern = '[0-9]+'",
        "type = 'text'\npattern = '[0-9]+'\npattern_message = 'Only digits.'",
        writing({"a": "x"}),
    ),
    Case("fields.NAME.to", "form", "type = 'link'\nto = 'topic'", "type = 'link'\nto = 'core.contact'", drawing()),
    Case(
        "fields.NAME.where",
        "form",
        "type = 'link'\nto = 'topic'",
        "type = 'link'\nto = 'topic'\nwhere = { name = 'Trees' }",
        drawing(),
    ),
    Case(
        "fields.NAME.from",
        "records",
        f"{ANSWERS}from = 'topic.asked'",
        f"{ANSWERS}from = 'topic.also'",
        writing({"topic": 1}),
    ),
    Case(
        "fields.NAME.from",
        "form",
        f"{ANSWERS}from = 'topic.asked'",
        f"{ANSWERS}from = 'topic.also'",
        drawing({"topic": 1}),
    ),
    Case("fields.NAME.currency", "records", "type = 'money'", "type = 'money'\ncurrency = 'EUR'", writing({"a": "5"})),
    Case("fields.NAME.currency", "jsonschema", "type = 'money'", "type = 'money'\ncurrency = 'EUR'", publishing),
    Case(
        "fields.NAME.decimals", "records", "type = 'decimal'", "type = 'decimal'\ndecimals = 3", writing({"a": "0.125"})
    ),
    Case("fields.NAME.fields", "storage", ROWS, f"{ROWS}\nfields.c.type = 'text'", keeping),
    Case("fields.NAME.fields", "form", ROWS, f"{ROWS}\nfields.c.type = 'text'", drawing()),
    Case(
        "fields.NAME.compute",
        "records",
        f"{TOTAL}compute = {{ max = 'a.b' }}",
        f"{TOTAL}compute = {{ sum = 'a.b' }}",
        writing({"a": [{"b": 1}, {"b": 2}]}),
    ),
    Case(
        "fields.NAME.stores",
        "storage",
        "type = 'computed'\ncompute = { hook = 'h' }\nstores = 'text'",
        "type = 'computed'\ncompute = { hook = 'h' }\nstores = 'money'",
        keeping,
    ),
    Case("fields.NAME.accept", "form", FILES, f"{FILES}accept = ['pdf']", drawing()),
    Case(
        "checks.require", "records", f"{CHECK}require = {{ a = 6 }}", f"{CHECK}require = {{ a = 5 }}", writing({"a": 6})
    ),
    Case(
        "checks.message",
        "records",
        "type = 'integer'\n[[checks]]\nrequire = { a = 5 }\nmessage = 'One.'",
        "type = 'integer'\n[[checks]]\nrequire = { a = 5 }\nmessage = 'Two.'",
        writing({"a": 6}),
    ),
    Case(
        "checks.when",
        "records",
        f"{CHECK}require = {{ a = 5 }}",
        f"{CHECK}require = {{ a = 5 }}\nwhen = {{ name = 'x' }}",
        writing({"a": 6}),
    ),
    Case(
        "checks.fields",
        "form",
        f"{CHECK}require = {{ a = 5 }}",
        f"{CHECK}require = {{ a = 5 }}\nfields = ['a']",
        writing({"a": 6}),
    ),
]


def load(body: str) -> Schemas:
    contact = Source("core", Path("contact.toml"), "[type]\nname = 'contact'\ntitle = 'Contact'\n")
    topic, text = Source("town", Path("topic.toml"), TOPIC), Source("town", Path("thing.toml"), HEAD + body)
    return load_schemas([contact, topic, text])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_key_changes_what_happens_at_a_door(case: Case) -> None:
    """With the key, something is written, kept, drawn or published otherwise than without it."""
    assert case.look(load(case.off)) != case.look(load(case.on))


@shows("type.name", "storage")
def test_the_name_of_a_type_names_its_table() -> None:
    """Tables are named after plugin and type."""
    off, on = (
        load_schemas([Source("town", None, TOPIC.replace('"topic"', f'"{name}"'))]) for name in ("topic", "theme")
    )
    assert list(describe(off)) == ["town_topic"]
    assert list(describe(on)) == ["town_theme"]
