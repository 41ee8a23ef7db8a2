"""Forms from schemas: filled in, sent, drawn again and read, without a browser and without JavaScript."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from jinja2 import Environment
from jinja2 import PackageLoader
from plain_context import PlainContext
from werkzeug.datastructures import FileStorage
from werkzeug.datastructures import MultiDict
from wtforms.form import BaseForm

from townhall_forms.context import StoredFile
from townhall_forms.fields.asking import QuestionReader
from townhall_forms.forms import RecordForm
from townhall_forms.forms import build_form
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import RecordType
from townhall_forms.values import Answers
from townhall_forms.values import Money
from townhall_forms.values import Questions
from townhall_forms.wording import UNSEEN

GRANT = """
[type]
name = "grant"
title = "{title_of_project}"
[fields.title_of_project]
type = "text"
required = true
help = "Shown on the public list."
[fields.kind]
type = "choice"
required = true
choices = ["club", { value = "firm", label = "Firm" }, { value = "old", label = "Old kind", retired = true }]
[fields.size]
type = "choice"
choices = ["small", "large"]
[fields.firm_number]
type = "text"
show_if = { kind = "firm" }
when_hidden = "clear"
required = true
[fields.note]
type = "longtext"
show_if = { kind = "club" }
[fields.starts]
type = "date"
default = "today"
[fields.at]
type = "datetime"
[fields.agreed]
type = "boolean"
[fields.danger]
type = "boolean"
required = true
[fields.amount]
type = "money"
require_if = { size = "large" }
[fields.address]
type = "address"
[fields.category]
type = "link"
to = "category"
[fields.contact]
type = "link"
to = "person"
[fields.others]
type = "links"
to = "person"
[fields.answers]
type = "answers"
from = "category.questions"
[fields.papers]
type = "files"
accept = ["pdf", "image"]
max = 2
[fields.lines]
type = "rows"
min = 1
[fields.lines.fields.what]
type = "text"
required = true
[fields.lines.fields.cost]
type = "money"
help = "With tax."
[fields.sum]
type = "computed"
compute = { sum = "lines.cost" }
[fields.secret_code]
type = "text"
read_only = true
[fields.region]
type = "choice"
choices = ["north", "south"]
lock_if = { kind = "firm" }
[[checks]]
require = { agreed = true }
when = { size = "large" }
message = "Large grants need the agreement."
fields = ["agreed"]
"""
CATEGORY = """
[type]
name = "category"
title = "{name}"
[fields.name]
type = "text"
[fields.questions]
type = "questions"
"""
PERSON = """
[type]
name = "person"
title = "{name}"
[fields.name]
type = "text"
"""
NAMES = ("title_of_project", "kind", "danger", "lines")
GOOD = {"title_of_project": "New benches", "kind": "club", "danger": "no", "lines-0-what": "Oak"}


@pytest.fixture(scope="module")
def grant() -> RecordType:
    """A type with a field of nearly every kind."""
    sources = [Source("desk", None, text, frozenset()) for text in (GRANT, CATEGORY, PERSON)]
    return load_schemas(sources)["desk.grant"]


@pytest.fixture
def context() -> PlainContext:
    """A town with two categories and many people."""
    lines = [
        {"label": "Which lamp?", "code": "lamp", "required": True},
        {"label": "Is it lit?", "code": "lit", "type": "boolean"},
        {"label": "Since when?", "code": "since", "type": "date", "show_if": {"lit": False}},
    ]
    asked = Questions(1, QuestionReader(PlainContext()).read(lines))
    people = {id: {"title": f"Person {id}"} for id in range(1, 150)}
    categories = {4: {"title": "Lights", "questions": asked}, 5: {"title": "Roads"}}
    return PlainContext(records={"desk.category": categories, "desk.person": people})


def send(record_type: RecordType, context: PlainContext, names: Any, pairs: Any, **more: Any) -> RecordForm:
    """A form that was sent with these pairs."""
    data = MultiDict(pairs)
    return build_form(record_type, names, context, formdata=data, **more)


def draw(form: RecordForm) -> str:
    """The form as a page draws it."""
    environment = Environment(loader=PackageLoader("townhall_forms"), autoescape=True)
    template = environment.from_string(
        '{% from "townhall_forms/field.html" import begin, draw_all, error_summary %}'
        "<form>{{ begin(form) }}{{ error_summary(form) }}{{ draw_all(form) }}</form>"
    )
    return template.render(form=form)


class Browser(HTMLParser):
    """Reads the inputs of a page as a browser would send them, and looks for what would break people."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.pairs: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.named: dict[str, dict[str, str | None]] = {}
        self.buttons: list[tuple[str, str]] = []
        self.area: str | None = None
        self.select: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if told.get("id"):
            self.ids.append(str(told["id"]))
        if tag == "label" and told.get("for"):
            self.labels.add(str(told["for"]))
        name, value = told.get("name") or "", told.get("value") or ""
        if tag in ("input", "select", "textarea") and told.get("type") != "hidden":
            self.named[str(told.get("id"))] = told
        if tag == "input" and name:
            unticked = told.get("type") in ("checkbox", "radio") and "checked" not in told
            if not unticked and told.get("type") != "file":
                self.pairs.append((name, value))
        elif tag == "textarea":
            self.area = ""
            self.pairs.append((name, ""))
        elif tag == "select":
            self.select = name
            self.pairs.append((name, ""))
        elif tag == "option" and "selected" in told:
            self.pairs[-1] = (str(self.select), value)
        elif tag == "button" and name:
            self.buttons.append((name, value))

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.area += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.area is not None:
            self.pairs[-1] = (self.pairs[-1][0], self.area.removeprefix("\n"))
            self.area = None


def all_names(record_type: RecordType) -> list[str]:
    return list(record_type.fields)


class TestReading:
    """What a sent form gives."""

    def test_a_form_is_a_wtforms_form(self, grant: RecordType, context: PlainContext) -> None:
        """Other code finds the shape of WTForms: fields by name, in order."""
        form = build_form(grant, NAMES, context)
        assert isinstance(form, BaseForm)
        assert [field.path for field in form] == list(NAMES)
        assert not form.submitted

    def test_values(self, grant: RecordType, context: PlainContext) -> None:
        """A form in order gives a value for each of its fields."""
        form = send(grant, context, NAMES, {**GOOD, "lines-3-what": "Concrete", "lines-3-cost": "1,180"})
        assert form.validate(), form.errors
        assert form.values == {
            "title_of_project": "New benches",
            "kind": "club",
            "danger": False,
            "lines": ({"what": "Oak", "cost": None}, {"what": "Concrete", "cost": Money(118000, "USD")}),
        }

    def test_errors_have_a_place_and_a_sentence(self, grant: RecordType, context: PlainContext) -> None:
        """Each mistake is told once, at its input, in the order of the form; the summary links there."""
        form = send(
            grant,
            context,
            [*NAMES, "address"],
            {"kind": "club", "lines-0-what": "", "lines-1-cost": "about 200", "address-country": "XX"},
        )
        assert not form.validate()
        assert form.errors["title_of_project"] == "Enter title of project."
        assert form.errors["lines.0.cost"] == "Enter an amount, like 250."
        listed = {id: (label, message) for id, label, message in form.error_list}
        assert listed["field-lines-0-cost"] == ("Lines, line 1, cost", "Enter an amount, like 250.")
        assert "field-address-country" in listed
        assert "field-lines" not in listed
        page = Browser(draw(form))
        assert set(listed) <= set(page.ids)

    def test_rows_must_be_filled(self, grant: RecordType, context: PlainContext) -> None:
        """A required column is asked for in each line, where the line stands on screen."""
        form = send(grant, context, NAMES, {**GOOD, "lines-0-what": "", "lines-4-cost": "5"})
        assert not form.validate()
        assert form.errors == {"lines.0.what": "Enter what."}
        assert 'name="lines-0-cost" type="text" value="5"' in draw(form)

    def test_sums_stand_below_their_columns(self, grant: RecordType, context: PlainContext) -> None:
        """A column that a computed field adds up shows its sum, exact and in the field's currency."""
        form = send(grant, context, NAMES, {"lines-0-cost": "1,180.10", "lines-1-cost": "0.20", "_add": "lines"})
        assert ">$1,180.30</span>" in draw(form)

    def test_the_help_of_a_column_stands_at_its_head(self, grant: RecordType, context: PlainContext) -> None:
        """Once for all lines; each input of the column says that it belongs to it."""
        form = send(grant, context, NAMES, {"lines-0-cost": "5", "lines-1-cost": "about 6", "_add": "lines"})
        drawn = draw(form)
        assert drawn.count('<span class="help" id="field-lines-cost-help">With tax.</span>') == 1
        assert drawn.count('aria-describedby="field-lines-cost-help') == 3

    def test_columns_that_are_too_wide_together_stand_below_each_other(self, context: PlainContext) -> None:
        """Five short ones are a table; with a date and lists among them each line is a block of its own."""
        head = '[type]\nname = "plan"\ntitle = "{name}"\n[fields.name]\ntype = "text"\n'
        columns = "".join(f'[fields.steps.fields.{name}]\ntype = "text"\n' for name in ("what", "where", "note"))
        for kinds, table in (("text", "text"), True), (("date", "choice"), False):
            more = f'[fields.steps.fields.day]\ntype = "{kinds[0]}"\n[fields.steps.fields.kind]\ntype = "{kinds[1]}"\n'
            more += 'choices = ["big", "small"]\n' if kinds[1] == "choice" else ""
            text = f'{head}[fields.steps]\ntype = "rows"\n{columns}{more}'
            plan = load_schemas([Source("desk", None, text, frozenset())])["desk.plan"]
            assert ("<table" in draw(build_form(plan, ["steps"], context))) is table

    def test_rules_between_fields(self, grant: RecordType, context: PlainContext) -> None:
        """``require_if`` and checks are judged together with everything else."""
        form = send(grant, context, [*NAMES, "size", "amount", "agreed"], {**GOOD, "size": "large"})
        assert not form.validate()
        assert set(form.errors) == {"amount", "agreed"}

    def test_read_only_and_computed_fields_are_left_out(self, grant: RecordType, context: PlainContext) -> None:
        """What nobody types is not in a form, and can't be sent."""
        form = send(grant, context, [*NAMES, "sum", "secret_code"], {**GOOD, "sum": "5", "secret_code": "x"})
        assert form.validate()
        assert set(form.values) == set(NAMES)

    def test_more_can_be_required(self, grant: RecordType, context: PlainContext) -> None:
        """A move may ask for fields that are optional otherwise."""
        form = send(grant, context, [*NAMES, "size"], GOOD)
        assert not form.validate(require=("size",))
        assert list(form.errors) == ["size"]

    def test_errors_from_elsewhere(self, grant: RecordType, context: PlainContext) -> None:
        """What records find wrong is shown like the form's own."""
        form = send(grant, context, NAMES, GOOD)
        assert form.validate()
        form.add_errors({"kind": "Choose another.", "": "The town is closed."})
        assert ("field-kind", "Kind", "Choose another.") in form.error_list
        assert ("", "", "The town is closed.") in form.error_list

    def test_prefix(self, grant: RecordType, context: PlainContext) -> None:
        """Two forms can stand on one page."""
        pairs = {f"a-{name}": text for name, text in GOOD.items()}
        form = send(grant, context, NAMES, pairs, prefix="a-")
        assert form.validate()
        assert not send(grant, context, NAMES, GOOD, prefix="a-").validate()
        assert 'name="a-title_of_project"' in draw(form)


class TestStarting:
    """What a form starts with."""

    def test_defaults(self, grant: RecordType, context: PlainContext) -> None:
        """A field that nobody gave a value starts with its default; ``today`` is the present day."""
        assert 'value="2026-11-23"' in draw(build_form(grant, ["starts"], context))
        assert 'value="2026-11-23"' not in draw(build_form(grant, ["starts"], context, values={"starts": None}))

    def test_untouched_values_stay_exact(self, grant: RecordType, context: PlainContext) -> None:
        """A value that its input can't show whole is kept when nobody touches it."""
        exact = build_form(grant, ["at"], context)["at"].typed.parse("2026-01-02T10:00:00.123456-05:00", context)
        shown = build_form(grant, ["at"], context, values={"at": exact})["at"].raw
        form = send(grant, context, ["at"], {"at": shown}, values={"at": exact})
        assert form.validate()
        assert form.values["at"] == exact

    def test_unticked_and_unsaid(self, grant: RecordType, context: PlainContext) -> None:
        """A box that is not ticked says no in a new record, and changes nothing where nothing was said."""
        assert _read(send(grant, context, ["agreed"], {})) == {"agreed": False}
        assert _read(send(grant, context, ["agreed"], {}, values={"agreed": None}, stored={})) == {"agreed": None}
        assert _read(send(grant, context, ["agreed"], {}, values={"agreed": True}, stored={})) == {"agreed": False}

    def test_every_form_sends_back_what_it_shows(self, grant: RecordType, context: PlainContext) -> None:
        """A form that is opened and sent untouched changes nothing."""
        values: dict[str, Any] = {
            "title_of_project": 'A "quoted" <title>',
            "kind": "firm",
            "size": "large",
            "firm_number": "12",
            "note": "\nLine\n\nline",
            "agreed": True,
            "danger": True,
            "amount": Money(118050, "USD"),
            "category": 4,
            "contact": 7,
            "others": (3, 9),
            "answers": Answers(1, {"lamp": "No. 4", "lit": False}),
            "lines": ({"what": "a", "cost": None}, {"what": "b", "cost": Money(1, "USD")}),
            "papers": (StoredFile(1, "kept-1", "a.pdf", "application/pdf", 10, "0"),),
        }
        names = [name for name in all_names(grant) if name not in ("sum", "secret_code", "region")]
        shown = Browser(draw(build_form(grant, names, context, values=values, stored=values)))
        form = send(grant, context, names, shown.pairs, values=values, stored=values)
        assert form.validate(), form.errors
        assert {name: form.values.get(name) for name in values} == values | {"note": form.values.get("note")}


def _read(form: RecordForm) -> dict[str, Any]:
    assert form.validate(), form.errors
    return form.values


class TestConditions:
    """Fields that are not always asked."""

    def test_hidden_fields(self, grant: RecordType, context: PlainContext) -> None:
        """What is hidden is neither required nor read: it is emptied, or left as it is, as ``when_hidden`` says."""
        names = [*NAMES, "firm_number", "note"]
        form = send(grant, context, names, {**GOOD, "kind": "club", "firm_number": "12", "note": "x"})
        assert _read(form)["note"] == "x"
        assert form.values["firm_number"] is None
        form = send(grant, context, names, {**GOOD, "kind": "firm", "firm_number": "12", "note": "x"})
        assert _read(form)["firm_number"] == "12"
        assert "note" not in form.values

    def test_mistakes_in_hidden_fields_do_not_count(self, grant: RecordType, context: PlainContext) -> None:
        """Nobody is asked to put right what is not asked."""
        long = "x" * 300
        assert send(grant, context, [*NAMES, "firm_number"], {**GOOD, "kind": "club", "firm_number": long}).validate()
        form = send(grant, context, [*NAMES, "firm_number"], {**GOOD, "kind": "firm", "firm_number": long})
        assert not form.validate()

    def test_explained_without_a_script(self, grant: RecordType, context: PlainContext) -> None:
        """Without JavaScript a conditional field is shown, with the condition in words."""
        html = draw(build_form(grant, ["kind", "firm_number"], context))
        assert "Only if “Kind” is Firm." in html
        assert "data-show-if=" in html

    def test_locked_fields(self, grant: RecordType, context: PlainContext) -> None:
        """A field that is locked, as the record is stored, is shown and can't be changed."""
        stored = {"kind": "firm", "region": "north"}
        form = send(grant, context, ["region"], {"region": "south"}, values=stored, stored=stored)
        assert form.validate()
        assert form.values == {}
        assert "This can’t be changed any more." in draw(form)
        assert 'name="region"' not in draw(form)

    def test_values_that_have_no_input(self, grant: RecordType, context: PlainContext) -> None:
        """Conditions may read what the record has and the form does not ask. The browser is told what comes of it."""
        stored = {"kind": "firm", "firm_number": None}
        assert not send(grant, context, ["firm_number"], {}, values=stored, stored=stored).validate()
        for kind, told in (("firm", {"all": []}), ("club", {"any": []})):
            form = build_form(grant, ["firm_number"], context, stored={"kind": kind, "firm_number": None})
            assert json.loads(form["firm_number"].view.show_if)["test"] == told
            assert f"&#34;{kind}&#34;" not in draw(form)

    @pytest.mark.parametrize(
        ("names", "asked"), [(["size", "wish"], ["size"]), (["wish"], []), (["size", "limit"], [])]
    )
    def test_a_test_on_what_has_no_input_is_decided_here(
        self, context: PlainContext, names: list[str], asked: list[str]
    ) -> None:
        """Also one that compares an input with it; a change of that input asks for the form again."""
        text = (
            '[type]\nname = "thing"\ntitle = "{size}"\n[fields]\nsize.type = "integer"\nlimit.type = "integer"\n'
            '[fields.wish]\ntype = "text"\nshow_if = { size = { gt = { field = "limit" } }, limit = { lt = 700 } }\n'
        )
        thing = load_schemas([Source("desk", None, text)])["desk.thing"]
        stored = {"size": 5, "limit": 641, "wish": None}
        form = build_form(thing, names, context, stored=stored, values=stored)
        assert sorted(form.refreshing) == asked
        if "limit" not in names:
            assert "641" not in draw(form)
            assert json.loads(form["wish"].view.show_if)["test"] == {"all": [{"any": []}, {"all": []}]}
            sent = send(thing, context, names, {"size": "642", "_refresh": "size"}, stored=stored, values=stored)
            wanted = {"all": []} if "size" in names else {"any": []}
            assert json.loads(sent["wish"].view.show_if)["test"] == {"all": [wanted, {"all": []}]}

    def test_a_column_goes_by_its_row_and_by_what_has_no_input(self, context: PlainContext) -> None:
        """What stands beside a column the browser reads, and what comes of the rest it is told."""
        text = (
            '[type]\nname = "thing"\ntitle = "{name}"\n[fields.name]\ntype = "text"\n[fields.limit]\ntype = "integer"\n'
            '[fields.lines]\ntype = "rows"\nfields.cost.type = "integer"\nfields.kind.type = "text"\n'
            '[fields.lines.fields.why]\ntype = "text"\n'
            'show_if = { kind = "x", cost = { gt = { field = "limit" } }, limit = { lt = 700 } }\n'
        )
        thing = load_schemas([Source("desk", None, text)])["desk.thing"]
        rows = tuple({"cost": cost, "kind": "x", "why": None} for cost in (5, 642))
        stored = {"name": "A", "limit": 641, "lines": rows}
        form = build_form(thing, ["lines"], context, stored=stored, values=stored)
        told = [json.loads(line.cells[2].show_if)["test"]["all"] for line in form["lines"].view.lines]
        assert [each[0]["path"] for each in told] == ["kind", "kind"]
        assert [each[1:] for each in told] == [[{"any": []}, {"all": []}], [{"all": []}, {"all": []}]]
        assert "641" not in draw(form)


class TestHelpers:
    """Buttons that ask for the form again."""

    def test_add_and_remove_lines(self, grant: RecordType, context: PlainContext) -> None:
        """Lines are added and removed without JavaScript, and nothing that was typed is lost or judged."""
        form = send(grant, context, NAMES, {"lines-0-what": "Oak", "lines-0-cost": "x", "_add": "lines"})
        assert form.redraw
        assert not form.errors
        assert [line["what"] for line in form.raw_of("lines")] == ["Oak", ""]
        pairs = {"lines-0-what": "Oak", "lines-1-what": "Iron", "lines-2-what": "Tin", "_remove": "lines-1"}
        assert [line["what"] for line in send(grant, context, NAMES, pairs).raw_of("lines")] == ["Oak", "Tin"]

    def test_an_empty_form_has_one_line(self, grant: RecordType, context: PlainContext) -> None:
        """There is always a line to type into."""
        assert 'name="lines-0-what"' in draw(build_form(grant, NAMES, context))

    def test_finding(self, grant: RecordType, context: PlainContext) -> None:
        """A link with many options is searched: Find shows matches, choosing one shows it, Change asks again."""
        form = send(grant, context, ["contact"], {"contact-search": "person 12", "_find": "contact"})
        assert form.redraw
        html = draw(form)
        assert "Person 12" in html
        assert 'type="radio" name="contact"' in html
        chosen = draw(send(grant, context, ["contact"], {"contact": "12"}))
        assert '<b>Person 12</b></span><input type="hidden" name="contact" value="12">' in chosen
        form = send(grant, context, ["contact"], {"contact": "12", "_clear": "contact"})
        assert form.redraw
        assert 'name="contact-search"' in draw(form)
        assert Browser(draw(form)).pairs != [("contact", "12")]

    def test_enter_in_a_search_box_searches(self, grant: RecordType, context: PlainContext) -> None:
        """Sending a form with words to search for and nothing chosen shows what was found instead of a mistake."""
        assert send(grant, context, ["contact"], {"contact-search": "person"}).redraw
        assert not send(grant, context, ["contact"], {"contact-search": "person", "contact": "12"}).redraw

    def test_nothing_found(self, grant: RecordType, context: PlainContext) -> None:
        """Finding nothing says so, and what to try."""
        form = send(grant, context, ["contact"], {"contact-search": "<zzz>", "_find": "contact"})
        assert "Nothing was found for “&lt;zzz&gt;”." in draw(form)


class TestLinks:
    """Links in forms."""

    def test_few_options_are_listed(self, grant: RecordType, context: PlainContext) -> None:
        """A link with few options is a list to choose from."""
        assert '<option value="5">Roads</option>' in draw(build_form(grant, ["category"], context))

    def test_only_what_is_there(self, grant: RecordType, context: PlainContext) -> None:
        """A link to a record that is not there, or not to be known of, is refused as if it were not offered."""
        for pairs in ({"category": "99"}, {"category": "abc"}):
            form = send(grant, context, ["category"], pairs)
            assert not form.validate()
            assert form.errors == {"category": "Choose one from the list."}

    def test_what_stands_there_unseen_stays(self, grant: RecordType, context: PlainContext) -> None:
        """A record that a link points at and that its reader may not know of is kept as it is, and named to nobody;
        only in a record that is there, and only the one that stands in it or did when the form was opened.
        """
        names = ["category", "contact", "others"]
        stands = {"category": 9, "contact": 200, "others": (200, 3, 201)}
        html = draw(build_form(grant, names, context, values=stands, stored=stands))
        assert html.count(UNSEEN) == 4
        pairs = Browser(html).pairs
        form = send(grant, context, names, [*pairs, ("others", "4")], values=stands, stored=stands)
        assert form.validate(), form.errors
        assert form.values == {"category": 9, "contact": 200, "others": (200, 3, 201, 4)}
        assert UNSEEN not in draw(build_form(grant, names, context, values=stands))

        now = {**stands, "contact": 202}
        form = send(grant, context, names, pairs, values=now, stored=now)
        assert not form.validate()
        assert form.errors == {"contact": "Choose one from the list."}
        assert send(grant, context, names, pairs, values=now, stored=now, opened=stands).validate()

    def test_retired_choices(self, grant: RecordType, context: PlainContext) -> None:
        """A retired choice is offered and taken only where the record has it already."""
        form = send(grant, context, NAMES, {**GOOD, "kind": "old"})
        assert not form.validate()
        assert form.errors["kind"] == "“Old kind” is not offered any more. Choose another."
        assert "Old kind" not in draw(build_form(grant, ["kind"], context))
        assert "Old kind" in draw(build_form(grant, ["kind"], context, values={"kind": "old"}))
        assert send(grant, context, NAMES, {**GOOD, "kind": "old"}, values={"kind": "old"}).validate()


ONLY = """
[type]
name = "visit"
title = "{about}"
[fields.about]
type = "text"
[fields.round]
type = "link"
to = "person"
required = true
[fields.category]
type = "link"
to = "category"
[fields.answers]
type = "answers"
from = "category.questions"
[fields.campaign]
type = "link"
to = "person"
[fields.who]
type = "link"
to = "person"
required = true
[fields.kind]
type = "choice"
choices = ["new", { value = "old", label = "Old", retired = true }]
required = true
"""


class TestTheOnlyChoice:
    """What must be filled and leaves nothing to choose is chosen already."""

    @pytest.fixture
    def visit(self) -> RecordType:
        """A type whose fields leave nothing to choose where there is one record of each."""
        sources = [Source("desk", None, text, frozenset()) for text in (ONLY, CATEGORY, PERSON)]
        return replace(load_schemas(sources)["desk.visit"], contacts=("who",))

    def test_it_is_chosen(self, visit: RecordType, context: PlainContext) -> None:
        """The only record of a required link, the only choice, and the only questions, which are asked at once.

        An optional link stays empty, and so does the person whom it is about, of whom there is one by chance.
        """
        context.records["desk.person"] = {3: {"title": "Spring"}}
        del context.records["desk.category"][5]
        html = draw(build_form(visit, all_names(visit), context))
        sent = dict(Browser(html).pairs)
        assert [sent[name] for name in ("round", "category", "campaign", "who", "kind")] == ["3", "4", "", "", "new"]
        assert "Which lamp?" in html

    def test_one_of_several_is_not(self, visit: RecordType, context: PlainContext) -> None:
        """Where there are two nothing is chosen, nor where somebody emptied it, nor in a record that is there."""
        context.records["desk.person"] = {3: {"title": "Spring"}, 4: {"title": "Autumn"}}
        assert dict(Browser(draw(build_form(visit, ["round"], context))).pairs)["round"] == ""
        context.records["desk.person"] = {3: {"title": "Spring"}}
        assert not send(visit, context, ["round"], {"round": ""}).validate()
        kept = build_form(visit, ["round"], context, values={"round": None}, stored={"about": "x"})
        assert dict(Browser(draw(kept)).pairs)["round"] == ""

    def test_what_a_move_needs_is(self, visit: RecordType, context: PlainContext) -> None:
        """A move that requires what the record can do without leaves nothing to choose either."""
        context.records["desk.person"] = {3: {"title": "Spring"}}
        form = build_form(visit, ["campaign"], context, values={"campaign": None}, stored={}, require=["campaign"])
        assert dict(Browser(draw(form)).pairs)["campaign"] == "3"


class TestAnswers:
    """Questions behind a link."""

    def test_questions_appear_with_their_link(self, grant: RecordType, context: PlainContext) -> None:
        """Before a category is chosen the form says so; afterwards its questions are asked."""
        names = ["category", "answers"]
        assert "Choose “Category” first" in draw(build_form(grant, names, context))
        form = send(grant, context, names, {"category": "4", "_refresh": "category"})
        assert form.redraw
        assert "Which lamp?" in draw(form)
        assert "Only if “Is it lit?” is No." in draw(form)

    def test_answers_are_read(self, grant: RecordType, context: PlainContext) -> None:
        """Answers are parsed by their questions, and required ones asked for at their inputs."""
        names = ["category", "answers"]
        pairs = [("category", "4"), ("answers-lamp", "12"), ("answers-since", "2026-01-01")]
        asked = [("answers-asked", code) for code in ("lamp", "lit", "since")]
        form = send(grant, context, names, [*pairs, *asked])
        assert form.validate(), form.errors
        assert form.values["answers"].values["lamp"] == "12"
        form = send(grant, context, names, [("category", "4"), ("answers-since", "soon"), *asked])
        assert not form.validate()
        assert form.errors["answers.since"] == "Enter a date as year, month and day, like 2026-11-23."
        assert ("field-answers-since", "Since when?") in [entry[:2] for entry in form.error_list]
        assert 'type="text" value="soon"' in draw(form)

    def test_another_category_asks_other_questions(self, grant: RecordType, context: PlainContext) -> None:
        """When the category changes, answers to the old one's questions are not read."""
        pairs = [("category", "5"), ("answers-lamp", "12"), ("answers-asked", "lamp")]
        form = send(grant, context, ["category", "answers"], pairs)
        assert form.validate(), form.errors
        assert form.values["answers"] is None


class TestFiles:
    """Uploads."""

    def test_uploads_survive_a_mistake(self, grant: RecordType, context: PlainContext) -> None:
        """A file that was sent with a mistake elsewhere is kept, shown, and read when the form is sent again."""
        files = MultiDict([("papers", FileStorage(io.BytesIO(b"x" * 2048), "plan.pdf"))])
        form = send(grant, context, ["title_of_project", "papers"], {}, files=files)
        assert not form.validate()
        shown = Browser(draw(form))
        assert ("papers-kept", "staged-1") in shown.pairs
        assert "plan.pdf" in draw(form)
        assert "2 KB" in draw(form)
        form = send(grant, context, ["title_of_project", "papers"], [*shown.pairs[1:], ("title_of_project", "x")])
        assert form.validate(), form.errors
        assert [file.filename for file in form.values["papers"]] == ["plan.pdf"]

    def test_refused_uploads_say_why(self, grant: RecordType, context: PlainContext) -> None:
        """A file that can't be taken is named with its reason; the good ones stay."""
        uploads = [FileStorage(io.BytesIO(b"x"), name) for name in ("plan.pdf", "run.exe")]
        form = send(grant, context, ["papers"], {}, files=MultiDict([("papers", upload) for upload in uploads]))
        assert not form.validate()
        assert form.errors["papers"] == "run.exe can't be taken."
        assert ("papers-kept", "staged-1") in Browser(draw(form)).pairs

    def test_removing(self, grant: RecordType, context: PlainContext) -> None:
        """A kept file is removed with its button, without JavaScript."""
        kept = StoredFile(1, "kept-1", "a.pdf", "application/pdf", 10, "0")
        pairs = {"papers-kept": "kept-1", "_remove": "papers-kept-1"}
        form = send(grant, context, ["papers"], pairs, values={"papers": (kept,)})
        assert form.redraw
        assert "a.pdf" not in draw(form)

    def test_files_of_other_records_can_not_be_taken(self, grant: RecordType, context: PlainContext) -> None:
        """The token of a file that neither the record nor this person's uploads have is refused."""
        form = send(grant, context, ["papers"], {"papers-kept": "kept-99"})
        assert not form.validate()
        assert form.errors["papers"] == "A file is no longer here. Choose it again."

    def test_what_is_accepted_is_said(self, grant: RecordType, context: PlainContext) -> None:
        """People read what they may send before they choose."""
        assert "Up to 2 files, PDF or photos, up to 10 MB each." in draw(build_form(grant, ["papers"], context))
        assert "Up to 2 photos, up to 10 MB each." in draw(
            build_form(
                replace(grant, fields={**grant.fields, "papers": replace(grant.fields["papers"], accept=("image",))}),
                ["papers"],
                context,
            )
        )


class TestDrawing:
    """The page that people get."""

    def test_every_input_has_a_name_for_readers(self, grant: RecordType, context: PlainContext) -> None:
        """Each input has a label or an accessible name, and each id stands once on the page."""
        values = {"kind": "club", "category": 4, "others": (3,)}
        page = Browser(draw(build_form(grant, all_names(grant), context, values=values)))
        assert len(page.ids) == len(set(page.ids))
        for id, told in page.named.items():
            assert id in page.labels or told.get("aria-label") or told.get("type") == "radio", told

    def test_errors_are_tied_to_their_inputs(self, grant: RecordType, context: PlainContext) -> None:
        """An input with a mistake says so, and points at the sentence and at its help."""
        form = send(grant, context, NAMES, {})
        form.validate()
        html = draw(form)
        described = 'aria-describedby="field-title_of_project-help field-title_of_project-error" aria-invalid="true"'
        assert described in html
        assert '<p class="oops" id="field-title_of_project-error">Enter title of project.</p>' in html
        assert "3 things need your attention" in html or "4 things need your attention" in html

    def test_optional_is_marked_and_required_is_not(self, grant: RecordType, context: PlainContext) -> None:
        """Only what is optional is marked."""
        html = draw(build_form(grant, ["title_of_project", "size"], context))
        assert re.search(r'for="field-size">Size <span class="must">\(optional\)</span>', html)
        assert '<label for="field-title_of_project">Title of project</label>' in html

    def test_enter_presses_no_helper(self, grant: RecordType, context: PlainContext) -> None:
        """The first button of a form is a plain one, so that Enter in an input does not add a line."""
        html = draw(build_form(grant, NAMES, context))
        assert html.index('<button class="hide" type="submit"') < html.index('name="_add"')

    def test_what_was_typed_is_never_markup(self, grant: RecordType, context: PlainContext) -> None:
        """Whatever somebody types comes back as text."""
        evil = '"><script>alert(1)</script>'
        pairs = {"title_of_project": evil, "note": evil, "kind": evil, "lines-0-what": evil, "lines-0-cost": evil}
        form = send(grant, context, [*NAMES, "note", "contact"], {**pairs, "contact-search": evil})
        form.validate()
        assert "<script>" not in draw(form)

    def test_nothing_inline(self, grant: RecordType, context: PlainContext) -> None:
        """No style and no handler stands in the markup: the strict content policy would refuse it."""
        html = draw(build_form(grant, all_names(grant), context))
        assert not re.search(r"\s(style|on[a-z]+)=", html)

    def test_the_editor_of_questions(self, context: PlainContext) -> None:
        """Clerks write questions on screen; what the editor shows is what it reads."""
        sources = [Source("desk", None, text, frozenset()) for text in (CATEGORY,)]
        category = load_schemas(sources)["desk.category"]
        asked: Any = context.records["desk.category"][4]["questions"]
        shown = Browser(draw(build_form(category, ["questions"], context, values={"questions": asked})))
        assert len(shown.ids) == len(set(shown.ids))
        form = send(category, context, ["questions"], shown.pairs)
        assert form.validate(), form.errors
        assert form.values["questions"] == asked
        form = send(category, context, ["questions"], [*shown.pairs, ("_add", "questions")])
        assert form.redraw
        assert "Question 4" in draw(form)
        form = send(category, context, ["questions"], {"questions-0-help": "x", "questions-0-type": "choice"})
        assert not form.validate()
        assert form.errors["questions.0.label"] == "Enter the question."
        assert {id for id, _, _ in form.error_list} <= set(Browser(draw(form)).ids)
