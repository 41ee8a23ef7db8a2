"""Forms of the schema language in a real browser, on a page of their own: with the script, and without."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browsing import accessibility_violations
from browsing import has_no_sideways_scroll
from browsing import running
from flask import Flask
from flask import jsonify
from flask import render_template_string
from flask import request
from flask import send_from_directory
from jinja2 import ChoiceLoader
from jinja2 import PackageLoader
from markupsafe import Markup
from plain_context import PlainContext
from playwright.sync_api import Page
from playwright.sync_api import expect
from waitress import create_server

import townhall
import townhall_forms
from townhall_forms.fields.asking import QuestionReader
from townhall_forms.forms import build_form
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.values import Money
from townhall_forms.values import Questions

SCHEMA = """
[type]
name = "request"
title = "{summary}"
[fields.summary]
type = "text"
required = true
help = "A few words."
[fields.kind]
type = "choice"
required = true
choices = ["club", "firm"]
[fields.firm_number]
type = "text"
show_if = { kind = "firm" }
[fields.amount]
type = "money"
[fields.reason]
type = "longtext"
show_if = { amount = { gt = 500 } }
[fields.offer]
type = "money"
[fields.grounds]
type = "longtext"
show_if = { offer = { gt = { field = "category.limit" } } }
[fields.contact]
type = "link"
to = "person"
[fields.others]
type = "links"
to = "person"
[fields.category]
type = "link"
to = "category"
[fields.answers]
type = "answers"
from = "category.questions"
[fields.starts]
type = "date"
[fields.at]
type = "datetime"
[fields.danger]
type = "boolean"
required = true
[fields.agreed]
type = "boolean"
help = "Needed for grants over 500"
[fields.address]
type = "address"
[fields.place]
type = "place"
[fields.colours]
type = "choices"
choices = ["red", "green", "blue"]
[fields.papers]
type = "files"
accept = ["pdf", "txt"]
[fields.lines]
type = "rows"
[fields.lines.fields.what]
type = "text"
required = true
[fields.lines.fields.cost]
type = "money"
[fields.total]
type = "computed"
compute = { sum = "lines.cost" }
[fields.people]
type = "rows"
[fields.people.fields.who]
type = "link"
to = "person"
[fields.people.fields.role]
type = "choice"
choices = ["chair", "treasurer"]
[fields.people.fields.note]
type = "longtext"
[fields.questions]
type = "questions"
"""
OTHERS = (
    '[type]\nname = "category"\ntitle = "{name}"\n[fields.name]\ntype = "text"\n[fields.questions]\ntype = "questions"'
    '\n[fields.limit]\ntype = "money"',
    '[type]\nname = "person"\ntitle = "{name}"\n[fields.name]\ntype = "text"',
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A form</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/look/townhall.css"></head><body><main class="main" id="main">
{% from "townhall_forms/field.html" import begin, draw_all, error_summary %}
<h1>A form</h1>{% if said %}<p id="said">{{ said }}</p>{% endif %}
{{ error_summary(form) }}
<form method="post" action="/" enctype="multipart/form-data" novalidate class="sheet sheet-pad">{{ begin(form) }}
<div class="fields">{{ draw_all(form) }}</div>
<div class="save"><button class="btn btn-go" type="submit">Save</button></div></form></main>
<script type="module" src="/forms/forms.js"></script></body></html>"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'"
)


@dataclass(frozen=True)
class Desk:
    """One page with one form, served; ``answers`` cleared keeps everybody waiting for the server."""

    url: str
    saved: list[dict[str, Any]]
    answers: threading.Event


def _context() -> PlainContext:
    lines = [{"label": "Which lamp?", "code": "lamp"}, {"label": "Why?", "show_if": {"lamp": "4"}, "code": "why"}]
    asked = Questions(1, QuestionReader(PlainContext()).read(lines))
    people = {id: {"title": f"Person {id}"} for id in range(1, 150)}
    categories = {
        4: {"title": "Lights", "questions": asked, "limit": Money(73_100, "USD")},
        5: {"title": "Roads"},
    }
    return PlainContext(records={"desk.category": categories, "desk.person": people})


def _application(saved: list[dict[str, Any]], answers: threading.Event) -> Flask:
    schemas = load_schemas([Source("desk", None, text, frozenset()) for text in (SCHEMA, *OTHERS)])
    context = _context()
    app = Flask("desk")
    app.jinja_loader = ChoiceLoader([PackageLoader("townhall_forms")])  # type: ignore[assignment]
    app.jinja_env.autoescape = True
    sprite = '<svg class="icon" aria-hidden="true"><use href="/look/icons.svg#{}"/></svg>'
    app.jinja_env.globals["icon"] = lambda name: Markup(sprite).format(name)
    look = Path(townhall.__file__).parent / "static"
    scripts = Path(townhall_forms.__file__).parent / "static"
    app.add_url_rule("/look/<path:name>", "look", lambda name: send_from_directory(look, name))
    app.add_url_rule("/forms/<path:name>", "forms", lambda name: send_from_directory(scripts, name))

    @app.get("/find/<path>")
    def find(path: str) -> Any:
        options = context.options("desk.person", None, request.args["q"], 10)
        return jsonify(options=[{"id": option.id, "title": option.title, "note": "In town"} for option in options])

    @app.route("/", methods=["GET", "POST"])
    def page() -> Any:
        record_type = schemas["desk.request"]
        assert answers.wait(300)
        sent = {"formdata": request.form, "files": request.files} if request.method == "POST" else {}
        form = build_form(record_type, record_type.fields, context, lookup_url=lambda path: f"/find/{path}", **sent)
        said = ""
        if sent and not form.redraw and form.validate():
            saved.append(form.values)
            said = "Saved."
        return render_template_string(PAGE, form=form, said=said), {"Content-Security-Policy": POLICY}

    return app


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """The page, on a free port of this machine."""
    saved: list[dict[str, Any]] = []
    answers = threading.Event()
    answers.set()
    server = create_server(_application(saved, answers), host="127.0.0.1", port=0)
    with running(server) as url:
        yield Desk(url, saved, answers)


Pages = Callable[..., Page]


def test_conditions_at_once(desk: Desk, new_page: Pages) -> None:
    """With the script, what is not asked is hidden until it is, by text, choice and number."""
    page = new_page(desk)
    page.goto("/")
    expect(page.get_by_label("Firm number")).to_be_hidden()
    page.get_by_text("Firm", exact=True).click()
    expect(page.get_by_label("Firm number")).to_be_visible()
    page.get_by_label("Amount").fill("$1,200")
    expect(page.get_by_label("Reason")).to_be_visible()
    page.get_by_label("Amount").fill("50")
    expect(page.get_by_label("Reason")).to_be_hidden()


def test_what_is_compared_with_something_that_has_no_input(desk: Desk, new_page: Pages) -> None:
    """The server decides about it as soon as something else was typed, and the page doesn't hold what it goes by."""
    page = new_page(desk)
    page.goto("/")
    page.get_by_label("Category").select_option("Lights")
    expect(page.get_by_label("Which lamp?")).to_be_visible()
    expect(page.get_by_label("Grounds")).to_be_hidden()
    assert "731" not in page.content()
    offer = page.get_by_label("Offer")
    offer.fill("731.01")
    offer.press("Tab")
    expect(page.get_by_label("Grounds")).to_be_visible()
    offer.fill("731")
    offer.press("Tab")
    expect(page.get_by_label("Grounds")).to_be_hidden()


def test_conditions_without_script(desk: Desk, new_page: Pages) -> None:
    """Without JavaScript everything is there, with its condition in words."""
    page = new_page(desk, javascript=False)
    page.goto("/")
    expect(page.get_by_label("Firm number")).to_be_visible()
    expect(page.get_by_text("Only if “Kind” is Firm.")).to_be_visible()


def test_lines(desk: Desk, new_page: Pages, javascript: bool) -> None:
    """Lines are added and removed, keep what was typed, and can be filled right away."""
    page = new_page(desk, javascript=javascript)
    page.goto("/")
    page.get_by_label("What, line 1").fill("Oak")
    page.get_by_label("Summary").fill("New benches")
    page.get_by_role("button", name="Add a line to Lines").click()
    if javascript:
        expect(page.get_by_label("What, line 2")).to_be_focused()
    page.get_by_label("What, line 2").fill("Iron")
    page.get_by_role("button", name="Remove line 1 of Lines").click()
    expect(page.get_by_label("What, line 1")).to_have_value("Iron")
    expect(page.get_by_label("What, line 2")).to_have_count(0)
    expect(page.get_by_label("Summary")).to_have_value("New benches")


def test_sums(desk: Desk, new_page: Pages) -> None:
    """The sum below a column that the record adds up follows what is typed."""
    page = new_page(desk)
    page.goto("/")
    page.get_by_label("Cost, line 1").fill("$1,180")
    expect(page.get_by_role("row", name="Sum")).to_contain_text("1,180")
    page.get_by_role("button", name="Add a line to Lines").click()
    page.get_by_label("Cost, line 2").fill("0.10")
    expect(page.get_by_role("row", name="Sum")).to_contain_text("$1,180.10")


def test_searching_a_link(desk: Desk, new_page: Pages) -> None:
    """The search of a link is a combobox: arrows move, Enter chooses, Escape closes, Change starts again."""
    page = new_page(desk)
    page.goto("/")
    box = page.get_by_role("combobox", name="Contact")
    box.press_sequentially("person 12")
    options = page.locator("#field-contact-options").get_by_role("option")
    expect(options.first).to_contain_text("Person 12")
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("Escape")
    expect(options).to_have_count(0)
    box.press_sequentially("0")
    expect(options).to_have_count(1)
    box.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    assert page.locator("input[name=contact]").input_value() == "120"
    change = page.get_by_role("button", name="Change")
    expect(change).to_be_focused()
    change.press("Enter")
    expect(box).to_be_focused()


def test_finding_without_script(desk: Desk, new_page: Pages) -> None:
    """Without JavaScript, Find shows matches to choose from."""
    page = new_page(desk, javascript=False)
    page.goto("/")
    page.get_by_label("Contact").first.fill("person 14")
    page.get_by_role("button", name="Find Contact").click()
    page.get_by_text("Person 142", exact=True).click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("input[name=contact]")).to_have_value("142")


def test_questions_of_a_category(desk: Desk, new_page: Pages, javascript: bool) -> None:
    """Choosing a category asks its questions: at once with the script, with a button without it."""
    page = new_page(desk, javascript=javascript)
    page.goto("/")
    page.get_by_label("Category").select_option("Lights")
    if not javascript:
        page.get_by_role("button", name="Show what is asked for this").click()
    page.get_by_label("Which lamp?").fill("4")
    expect(page.get_by_label("Why?")).to_be_visible()
    expect(page.get_by_label("Category")).to_have_value("4")


def test_what_people_do_while_the_form_is_drawn_again_stays(desk: Desk, new_page: Pages) -> None:
    """Typing, picking and attaching go on while the server answers; focus and caret stay where somebody is."""
    page = new_page(desk)
    page.goto("/")
    page.get_by_label("Amount").fill("12")
    desk.answers.clear()
    page.get_by_label("Category").select_option("Lights")
    page.get_by_role("combobox", name="Contact").press_sequentially("person 142")
    page.get_by_role("option", name="Person 142").click()
    page.get_by_label("What, line 1").fill("Oak")
    page.get_by_label("Papers").set_input_files(
        {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"A plan of the bench"}
    )
    page.get_by_label("Summary").press_sequentially("New ches")
    for _ in "ches":
        page.keyboard.press("ArrowLeft")
    desk.answers.set()
    expect(page.get_by_label("Which lamp?")).to_be_visible()
    expect(page.get_by_label("Summary")).to_be_focused()
    page.keyboard.type("ben")
    expect(page.get_by_label("Summary")).to_have_value("New benches")
    expect(page.locator("input[name=contact]")).to_have_value("142")
    expect(page.get_by_label("What, line 1")).to_have_value("Oak")
    expect(page.get_by_label("Amount")).to_have_value("12")
    assert page.get_by_label("Papers").evaluate("input => input.files[0].name") == "plan.txt"


def test_the_last_choice_counts_though_an_earlier_one_is_still_answered(desk: Desk, new_page: Pages) -> None:
    """Somebody chooses twice before the server has answered once: the questions are those of the second choice."""
    page = new_page(desk)
    page.goto("/")
    desk.answers.clear()
    page.get_by_label("Category").select_option("Roads")
    page.get_by_label("Category").select_option("Lights")
    desk.answers.set()
    expect(page.get_by_label("Which lamp?")).to_be_visible()
    expect(page.get_by_label("Category")).to_have_value("4")


def test_sending(desk: Desk, new_page: Pages, javascript: bool) -> None:
    """A form is sent by Enter, comes back with its mistakes and all that was typed and chosen, and is saved then."""
    page = new_page(desk, javascript=javascript)
    page.goto("/")
    page.get_by_label("Papers").set_input_files(
        {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"A plan of the bench"}
    )
    page.get_by_label("Amount").fill("about 200")
    page.get_by_label("Amount").press("Enter")
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("Amount: Enter an amount, like 250.")
    if javascript:
        expect(summary).to_be_focused()
    expect(page.get_by_text("plan.txt").first).to_be_visible()
    page.get_by_label("Amount").fill("200")
    page.get_by_label("Summary").fill("New benches")
    page.get_by_role("group", name="Kind").get_by_text("Club", exact=True).click()
    page.get_by_role("group", name="Danger").get_by_text("No", exact=True).click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_have_text("Saved.")
    assert desk.saved[-1]["papers"][0].filename == "plan.txt"
    assert desk.saved[-1]["summary"] == "New benches"


def test_leaving_with_unsaved_words(desk: Desk, new_page: Pages) -> None:
    """Leaving a page in which somebody typed asks first."""
    page = new_page(desk)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/")
    page.get_by_label("Summary").press_sequentially("x")
    page.reload()
    assert asked == ["beforeunload"]


@pytest.mark.parametrize("width", [320, 1440])
def test_everybody_can_use_it(desk: Desk, new_page: Pages, width: int) -> None:
    """No accessibility violation and no sideways scroll, empty and full of mistakes, on a phone and a desk."""
    page = new_page(desk, width=width)
    page.goto("/")
    for _ in range(2):
        assert accessibility_violations(page) == []
        assert has_no_sideways_scroll(page)
        page.get_by_role("button", name="Save").click()
        page.get_by_role("alert").wait_for()
