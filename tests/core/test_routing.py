"""Routing: which queue and person a case goes to, by rules that clerks write, the same through every door."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from plugging import add_plugin

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import checkup
from townhall.cases import wards
from townhall.cases.rulebook import rulebook
from townhall.clock import FixedClock
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.lifecycle import switching
from townhall.records import figures
from townhall.records import predicate
from townhall.records.figures import Period
from townhall.records.figures import Slice
from townhall.records.types import Record
from townhall.town import Town

SYSTEM = system()
REQUEST = "complaints.service_request"
CATEGORY = "complaints.category"
ROUTE = "core.route"
QUEUE = "core.queue"
FLOW = """
[workflow]
initial = "new"
[workflow.states]
new = { label = "New" }
done = { label = "Done", final = true }
[[workflow.transitions]]
name = "finish"
from = ["new"]
to = "done"
by = ["staff"]
"""
WRITTEN = f"""
[type]
name = "thing"
title = "{{label}}"
[fields.label]
type = "text"
[fields.story]
type = "longtext"
[fields.secret]
type = "longtext"
privacy = "confidential"
[fields.steps]
type = "rows"
[fields.steps.fields.what]
type = "text"
[fields.steps.fields.who]
type = "text"
privacy = "confidential"
[fields.questions]
type = "questions"
[fields.answers]
type = "answers"
from = "questions"
[fields.secret_answers]
type = "answers"
from = "questions"
privacy = "confidential"
{FLOW}
"""
BOXES = {"North": (-84.6, 39.4, -84.5, 39.5), "South": (-84.6, 39.3, -84.5, 39.4)}


def boxes(named: dict[str, tuple[float, float, float, float]]) -> bytes:
    """A file of wards that are boxes: west, south, east, north."""
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]},
        }
        for name, (w, s, e, n) in named.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A town with complaints, in which some people work."""
    town = make_town("complaints")
    role = town.system.role.get(town.system.role.name == "clerk").id
    for id, name in ((11, "Tara Tax"), (12, "Sam Streets"), (13, "Lena Left")):
        town.system.user.insert(
            id=id, email=f"p{id}@town.example", name=name, fs_uniquifier=f"p{id}", created_at=0
        ).execute()
        town.system.user_role.insert(user=id, role=role).execute()
    return town


def leave(town: Town, id: int) -> None:
    """Somebody doesn't work here any more."""
    town.system.user.update(active=False).where(town.system.user.id == id).execute()


def queue(town: Town, name: str, **values: Any) -> int:
    """The queue of this name, made if there is none."""
    found = town.records.find(SYSTEM, QUEUE, {"name": name}).records
    return (found[0] if found else town.records.create(SYSTEM, QUEUE, {"name": name, **values})).id


def route(town: Town, name: str, order: int = 100, **values: Any) -> Record:
    """A routing rule for service requests."""
    return town.records.create(SYSTEM, ROUTE, {"name": name, "order": order, "case_type": REQUEST, **values})


def category(town: Town, code: str = "other", **values: Any) -> Record:
    """A category that wants no place and asks nothing."""
    given = {"name": code.title(), "code": code, "location": "none", "posting": "public", "group": "Anything", **values}
    return town.records.create(SYSTEM, CATEGORY, given)


def report(town: Town, text: str, actor: Actor = SYSTEM, **values: Any) -> Record:
    """A service request with these words."""
    return town.records.create(actor, REQUEST, {"description": text, **values})


def decided(town: Town, record: Record) -> tuple[str, int | None, str]:
    """Who decided about the case, by which rule, and why, as it was kept."""
    table = town.system.case_route
    columns = (table.decided_by, table.route_id, table.reason)
    rows = list(table.select(*columns).where(table.record_id == record.id).tuples())
    assert len(rows) == 1
    return (rows[0][0], rows[0][1], rows[0][2])


def test_messages_go_to_whom_their_words_name(town: Town) -> None:
    """Ten messages and who gets them; what no rule knows goes to the queue for such cases (000-4)."""
    topic = category(town)
    tax, streets = queue(town, "Revenue"), queue(town, "Roads")
    desk = queue(town, "General", default_for=[REQUEST])
    rules = {
        "estate": route(town, "Estate tax", 10, words="estate tax, inheritance", to_queue=tax, person=11),
        "tax": route(town, "Taxes", 20, words="tax*, levy", to_queue=tax),
        "roads": route(town, "Roads", 30, words="pothole*, crossing, Café Corner", to_queue=streets),
        "calls": route(town, "Calls", 40, channels=["phone"], person=12),
    }
    table: list[tuple[str, dict[str, Any], str, int | None, int | None]] = [
        ("I have a question about the estate tax of my aunt.", {}, "estate", tax, 11),
        ("INHERITANCE: which form?", {}, "estate", tax, 11),
        ("My estate is large. Tax me.", {}, "tax", tax, None),
        ("Taxes are due when?", {}, "tax", tax, None),
        ("Is the levy weekly?", {}, "tax", tax, None),
        ("Two potholes on Elm Street", {}, "roads", streets, None),
        ("The CAFE corner light is broken", {}, "roads", streets, None),
        ("Something rattles", {"channel": "phone"}, "calls", desk, 12),
        ("Something rattles", {"channel": "letter"}, "", desk, None),
        ("A taxidermist at the real estate", {}, "tax", tax, None),
    ]
    for text, values, rule, where, who in table:
        made = report(town, text, category=topic.id, **values)
        assert (made.queue, made.assignee) == (where, who), text
        expected = ("route", rules[rule].id) if rule else ("default", None)
        assert decided(town, made)[:2] == expected, text


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"label": "A bakery"}, True),
        ({"story": "We want to open a bakery on Main Street."}, True),
        ({"steps": [{"what": "Find a house"}, {"what": "Open the bakery"}]}, True),
        ({"answers": {"why": "The old bakery closed."}}, True),
        ({"story": "We bake.", "answers": {"why": "Nobody does."}}, False),
        ({"secret": "It is a bakery."}, False),
        ({"steps": [{"what": "Find a house", "who": "The bakery"}]}, False),
        ({"answers": {"who": "The bakery"}}, False),
        ({"secret_answers": {"why": "The old bakery closed."}}, False),
    ],
)
def test_words_stand_in_whatever_people_wrote(town: Town, values: dict[str, Any], found: bool) -> None:
    """Fields, rows and answers are looked at, whether search looks there or not; what is confidential is not."""
    add_plugin(town, "plans", schema=WRITTEN)
    switching.enable(town, SYSTEM, "plans")
    bakers = queue(town, "Bakers")
    town.records.create(
        SYSTEM, ROUTE, {"name": "Bakery", "case_type": "plans.thing", "words": "bakery", "to_queue": bakers}
    )
    questions = [
        {"code": "why", "label": "Why?", "type": "text"},
        {"code": "who", "label": "Who?", "type": "text", "privacy": "confidential"},
    ]
    made = town.records.create(SYSTEM, "plans.thing", {"label": "A plan", "questions": questions, **values})
    assert (made.queue == bakers) is found


def test_a_rule_by_words_for_cases_without_texts_is_refused(town: Town) -> None:
    """Nobody writes a word in such a case, so the rule would never fit, and says so when it is saved."""
    silent = '[type]\nname = "thing"\ntitle = "{number}"\nnumber = "C-{seq}"\n[fields.amount]\ntype = "integer"\n'
    add_plugin(town, "counts", schema=silent + FLOW)
    switching.enable(town, SYSTEM, "counts")
    values = {"name": "Words", "case_type": "counts.thing", "to_queue": queue(town, "Roads")}
    with pytest.raises(ValidationFailed) as refused:
        town.records.create(SYSTEM, ROUTE, {**values, "words": "bakery"})
    assert refused.value.errors == {"words": "Things have no text in which people write words. Leave this empty."}
    assert town.records.create(SYSTEM, ROUTE, values)["name"] == "Words"


def test_prospects_are_routed_by_what_they_tell(make_town: Callable[..., Town]) -> None:
    """A module's kind of case whose story no search looks at is routed by its words all the same."""
    town = make_town("economic_development")
    bakers = queue(town, "Bakers")
    prospect = "economic_development.prospect"
    town.records.create(SYSTEM, ROUTE, {"name": "Bakery", "case_type": prospect, "words": "bakery", "to_queue": bakers})
    story = {"description": "We want to open a bakery on Main Street."}
    assert town.records.create(SYSTEM, prospect, story).queue == bakers
    assert town.records.create(SYSTEM, prospect, {"name": "Bakery Ltd"}).queue != bakers


def test_the_rule_that_hit_is_told_on_the_case(town: Town, clerk: Actor) -> None:
    """Staff read in the timeline which rule sent a case where, and the sender doesn't."""
    roads = queue(town, "Roads")
    route(town, "Potholes", words="pothole", to_queue=roads)
    made = report(town, "A pothole", category=category(town).id)
    entries, _, _ = town.records.timeline(clerk, REQUEST, made.id)
    assert [(entry.headline, entry.body) for entry in entries] == [
        ("Service request opened", "Went to Roads by the rule “Potholes”.")
    ]
    sender = replace(ANONYMOUS, kind="citizen", grants=frozenset({(REQUEST, made.id)}))
    assert not any("Roads" in entry.body for entry in town.records.timeline(sender, REQUEST, made.id)[0])


def test_a_case_goes_the_same_way_through_every_door(town: Town, clerk: Actor) -> None:
    """Website, counter, import and command line: one category, one queue, one person, one rule (000-17)."""
    roads = queue(town, "Roads")
    topic = category(town, "hole")
    rule = route(
        town,
        "Holes",
        conditions=[{"field": "category.code", "is": "is", "value": "hole"}],
        to_queue=roads,
        person=12,
        priority="High",
    )
    values = {"category": topic.id, "description": "It is deep."}
    made = [
        town.records.create(ANONYMOUS, REQUEST, values, form="public"),
        town.records.create(clerk, REQUEST, {**values, "channel": "phone"}),
        town.records.create(system("cli"), REQUEST, values),
    ]
    (outcome,) = town.records.import_rows(system("import"), REQUEST, [values])
    assert outcome.id is not None
    ids = [*(record.id for record in made), outcome.id]
    found = [town.records.get(SYSTEM, REQUEST, id) for id in ids]
    assert [(each.queue, each.assignee, each["priority"]) for each in found] == [(roads, 12, "high")] * 4
    assert [decided(town, each) for each in found] == [("route", rule.id, "")] * 4


def test_a_person_goes_before_rules_and_rules_before_the_category(town: Town) -> None:
    """What somebody chose stays; then rules; then the category; then the queue for such cases."""
    roads, parks, desk = queue(town, "Roads"), queue(town, "Green"), queue(town, "General")
    topic = category(town, default_queue=parks, owner=11)
    plain = category(town, "plain")
    town.records.update(SYSTEM, QUEUE, desk, {"default_for": [REQUEST]}, version=1)
    rule = route(town, "Holes", words="hole", to_queue=roads)
    given = report(town, "A hole", category=topic.id, assignee=11)
    chosen = report(town, "A hole", category=topic.id, queue=parks)
    ruled = report(town, "A hole", category=topic.id)
    typed = report(town, "A tree", category=topic.id)
    rest = report(town, "A tree", category=plain.id)
    assert [(each.queue, each.assignee) for each in (given, chosen, ruled, typed, rest)] == [
        (roads, 11),
        (parks, None),
        (roads, None),
        (parks, 11),
        (desk, None),
    ]
    assert [decided(town, each)[0] for each in (given, chosen, ruled, typed, rest)] == [
        "person", "person", "route", "type", "default",
    ]  # fmt: skip
    town.records.update(SYSTEM, ROUTE, rule.id, {"active": False}, version=1)
    assert report(town, "A hole", category=topic.id).queue == parks


def test_a_plugin_goes_before_rules_and_after_a_person(town: Town) -> None:
    """A vendor's script decides about what nobody decided, and colleagues read why (000-8)."""
    roads, night = queue(town, "Roads"), queue(town, "Night shift")
    topic = category(town)
    route(town, "Holes", words="hole", to_queue=roads)
    code = (
        "from townhall import Assignment, hookimpl\n"
        "@hookimpl\n"
        "def route_case(change):\n"
        "    if 'night' in (change.values.get('description') or ''):\n"
        f"        return Assignment(queue={night}, priority='urgent', reason='Shift plan')\n"
    )
    add_plugin(town, "shifts", code=code)
    switching.enable(town, SYSTEM, "shifts")
    scripted = report(town, "A hole at night", category=topic.id)
    assert (scripted.queue, scripted["priority"], decided(town, scripted)) == (
        night,
        "urgent",
        ("plugin", None, "Shift plan"),
    )
    assert report(town, "A hole", category=topic.id).queue == roads
    assert report(town, "A hole at night", category=topic.id, queue=roads).queue == roads


def test_a_queue_out_of_use_and_a_person_who_left_get_nothing(town: Town, clerk: Actor) -> None:
    """A rule that names them still counts, says so, and the case waits where such cases wait."""
    desk = queue(town, "General", default_for=[REQUEST])
    old = queue(town, "Gone")
    topic = category(town)
    route(town, "Left", 1, words="lamp", person=13, to_queue=old)
    leave(town, 13)
    town.records.update(SYSTEM, QUEUE, old, {"active": False}, version=1)
    made = report(town, "A lamp", category=topic.id)
    assert (made.queue, made.assignee) == (desk, None)
    assert decided(town, made)[2] == (
        "The queue that it names is not in use. The person whom it names doesn’t work here any more."
    )
    with pytest.raises(ValidationFailed, match="“Gone” is not in use"):
        report(town, "A tree", clerk, category=topic.id, queue=old)
    with pytest.raises(ValidationFailed, match="can’t be found"):
        town.records.update(clerk, REQUEST, made.id, {"queue": 999}, version=made.version)


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ({"conditions": [("colour", "is", "red")]}, "conditions.0.field", "Service request has no field “colour”"),
        ({"conditions": [("Prioritty", "is", "high")]}, "conditions.0.field", "Did you mean “Priority”"),
        ({"conditions": [("category.kode", "is", "x")]}, "conditions.0.field", "Did you mean category.code"),
        ({"conditions": [("priority", "is", "huge")]}, "conditions.0.value", "There are Low, Normal, High, Urgent"),
        ({"conditions": [("Danger", "is", "maybe")]}, "conditions.0.field", "has no field “Danger”"),
        ({"conditions": [("danger", "is", "maybe")]}, "conditions.0.value", "Write yes or no"),
        ({"conditions": [("chase_count", "at_least", "many")]}, "conditions.0.value", "Enter a whole number"),
        ({"conditions": [("category", "is", "Other")]}, "conditions.0.field", "like category.name"),
        ({"conditions": [("description", "filled", "x")]}, "conditions.0.value", "Leave the value empty"),
        ({"conditions": [("description", "is", None)]}, "conditions.0.value", "Write the value"),
        ({"conditions": [("place", "is", "here")]}, "conditions.0.is", "Choose “is empty” or “is filled in”"),
        ({"conditions": [("location", "at_least", "a")]}, "conditions.0.is", "doesn't go with “is at least”"),
        ({"conditions": [("category.default_queue", "is", "x")]}, "conditions.0.field", "only whether it is empty"),
        ({"conditions": [("followers", "is", "x")]}, "conditions.0.field", "only whether it is empty or filled in"),
        ({"conditions": [("duplicate_of", "is", "x")]}, "conditions.0.field", "like duplicate_of.title"),
        ({"conditions": [("category.default_queue.name", "is", "x")]}, "conditions.0.field", "like category.name"),
        ({"conditions": [("Category.kode", "is", "x")]}, "conditions.0.field", "Did you mean category.code?"),
        ({"conditions": [("categry.code", "is", "x")]}, "conditions.0.field", "Did you mean category.code?"),
        ({"conditions": [("external_ids.sytem", "is", "x")]}, "conditions.0.field", "mean external_ids.system?"),
        ({"conditions": [("title", "contains", "x")]}, "conditions.0.field", "no “Title” yet when it is routed"),
        ({"conditions": [("Number", "filled", None)]}, "conditions.0.field", "no “Number” yet when it is routed"),
        ({"conditions": [("id", "is", "5")]}, "conditions.0.field", "yet when it is routed"),
        ({"conditions": [("priority.name", "is", "x")]}, "conditions.0.field", "is no link to one record"),
        (
            {"conditions": [("device_id", "contains", "7F")]},
            "conditions.0.field",
            "confidential, so nobody can decide by",
        ),
        (
            {"conditions": [("reporter.id_number", "contains", "C")]},
            "conditions.0.field",
            "“ID number” is confidential",
        ),
        ({"conditions": [("reporter.ID number", "filled", None)]}, "conditions.0.field", "Use another field."),
        ({"case_type": None, "conditions": [("priority", "is", "high")]}, "case_type", "Say which kind of case"),
        ({"priority": "huge"}, "priority", "There are Low, Normal, High, Urgent"),
        ({"words": " ,, "}, "words", "Write words with commas"),
        ({"times": [{"day": "every", "starts": "10:00", "ends": "10:00"}]}, "times.0.ends", "ends when it begins"),
    ],
)
def test_a_rule_that_names_what_is_not_there_is_refused(
    town: Town, values: dict[str, Any], path: str, message: str
) -> None:
    """Each part that can't be is named with a sentence, and nothing is saved."""
    rows = values.get("conditions")
    if rows:
        names = ("field", "is", "value")
        values = {**values, "conditions": [dict(zip(names, row, strict=True)) for row in rows]}
    with pytest.raises(ValidationFailed) as refused:
        route(town, "Wrong", **{"to_queue": queue(town, "Roads"), **values})
    assert message in refused.value.errors[path]
    assert town.records.count(SYSTEM, ROUTE).value == 0


def test_whoever_writes_a_rule_asks_only_by_what_they_may_read(town: Town) -> None:
    """Where a case goes tells what its rule found. Other parts of a rule that somebody else wrote they may change."""
    roads = queue(town, "Roads")
    contacts = [{"field": "reporter.family_name", "is": "contains", "value": "Mor"}]
    own = [{"field": "priority", "is": "is", "value": "urgent"}]
    kinds = ("core.route", "core.queue", REQUEST)
    clerk = Actor("staff", "Tara Tax", 11, frozenset(f"{kind}.*" for kind in kinds))
    values = {"name": "Asks", "case_type": REQUEST, "to_queue": roads}
    with pytest.raises(ValidationFailed) as refused:
        town.records.create(clerk, ROUTE, {**values, "conditions": contacts})
    said = "You may not see contacts, so you can't decide by them. Use another field."
    assert refused.value.errors == {"conditions.0.field": said}
    made = town.records.create(SYSTEM, ROUTE, {**values, "conditions": contacts})
    made = town.records.update(clerk, ROUTE, made.id, {"name": "Found by somebody else"}, version=made.version)
    again = [{**contacts[0], "value": "Mo"}]
    with pytest.raises(ValidationFailed, match="may not see contacts"):
        town.records.update(clerk, ROUTE, made.id, {"conditions": again}, version=made.version)
    town.records.update(clerk, ROUTE, made.id, {"conditions": own}, version=made.version)


def test_a_rule_that_asks_for_something_confidential_decides_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is there already, or whose field became confidential; the doctor says so."""
    roads = queue(town, "Roads")
    rows = [{"field": "reporter.id_number", "is": "contains", "value": "CONF"}]
    with monkeypatch.context() as before:
        before.setattr(predicate, "check_paths", lambda *anything: None)
        route(town, "Letter by letter", conditions=rows, to_queue=roads)
    known = {"kind": "person", "family_name": "Moreau", "id_number": "CONF-123"}
    person = town.records.create(SYSTEM, "core.contact", known)
    assert report(town, "Hello", category=category(town).id, reporter=person.id).queue is None
    said = dict(checkup.look(town))["rule Letter by letter"]
    assert said.startswith("it decides nothing: “ID number” is confidential, so nobody can decide by it.")


def test_what_a_refusal_proposes_can_be_asked(town: Town) -> None:
    """Of every field, and of what doesn't stand behind it: the field that a sentence proposes makes a rule."""
    there, proposed = queue(town, "Roads"), set()
    here, behind = list(town.schemas[REQUEST].all_fields), list(town.schemas[CATEGORY].all_fields)
    given = [*here, *(f"{name}.nam" for name in here), *(f"category.{name}" for name in behind)]
    given += [f"category.{name}.name" for name in behind]

    def refusal(field: str, comparison: str, value: str | None) -> str:
        try:
            rows = [{"field": field, "is": comparison, "value": value}]
            made = route(town, f"{field} {comparison}", conditions=rows, to_queue=there)
        except ValidationFailed as refused:
            return refused.errors.get("conditions.0.field", "")
        town.records.update(SYSTEM, ROUTE, made.id, {"name": f"Rule {made.id}"}, version=1)
        return ""

    for field in given:
        said = refusal(field, "is", "x")
        if "only whether it is empty" in said:
            assert refusal(field, "filled", None) == "", said
        elif (found := re.search(r"(?:, like|Did you mean) “?([^”]+?)”?[.?]$", said)) is not None:
            assert refusal(found[1], "filled", None) == "", said
            proposed.add(found[1])
    assert {"category.name", "duplicate_of.title"} <= proposed


@pytest.mark.parametrize(
    ("row", "values", "fits"),
    [
        (("Priority", "one_of", "High; urgent"), {"priority": "urgent"}, True),
        (("Priority", "one_of", "High; urgent"), {"priority": "low"}, False),
        (("priority", "is_not", "Low"), {"priority": "high"}, True),
        (("category.name", "contains", "light; lamp"), {}, False),
        (("category.Name", "contains", "oth"), {}, True),
        (("chase_count", "at_least", "2"), {"chase_count": 3}, True),
        (("chase_count", "at_most", "2"), {"chase_count": 3}, False),
        (("danger", "is", "yes"), {"danger": True}, True),
        (("location", "filled", None), {}, False),
        (("location", "empty", None), {}, True),
        (("channel", "is", "E-mail"), {"channel": "email"}, True),
        (("category.title", "contains", "oth"), {}, True),
        (("created", "is", "2026-03-17"), {}, True),
        (("created", "at_most", "2026-03-17"), {}, True),
        (("created", "at_most", "2026-03-16"), {}, False),
        (("created", "at_least", "2026-03-18"), {}, False),
        (("created", "is_not", "2026-03-17"), {}, False),
        (("created", "one_of", "2026-03-01; 2026-03-17"), {}, True),
        (("created", "at_most", "2026-03-17 00:00"), {}, False),
    ],
)
def test_conditions_are_written_as_people_say_it(
    town: Town, row: tuple[str, str, str | None], values: dict[str, Any], fits: bool
) -> None:
    """Labels serve as well as names, several values mean one of them."""
    roads = queue(town, "Roads")
    rows = [dict(zip(("field", "is", "value"), row, strict=True))]
    route(town, "Rule", conditions=rows, to_queue=roads)
    made = report(town, "Something", category=category(town).id, **values)
    assert (made.queue == roads) is fits


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        (("answers.size", "is", "5"), True),
        (("answers.size", "is", "05.0"), True),
        (("answers.size", "at_least", "4"), True),
        (("answers.size", "at_most", "4"), False),
        (("answers.size", "is_not", "5"), False),
        (("answers.size", "is_not", "6"), True),
        (("answers.size", "one_of", "4; 5"), True),
        (("answers.fee", "at_least", "12.50"), True),
        (("answers.leaking", "is", "Yes"), True),
        (("answers.leaking", "is", "no"), False),
        (("answers.since", "at_most", "2026-01-02"), True),
        (("answers.since", "is_not", "2026-01-02"), False),
        (("answers.noticed", "is", "2026-01-02"), True),
        (("answers.colour", "one_of", "Blue; red"), True),
        (("answers.story", "contains", "cellar"), True),
        (("answers.story", "is", "5"), False),
        (("answers.never_asked", "is", "5"), False),
    ],
)
def test_rules_ask_for_answers_whatever_their_kind(town: Town, row: tuple[str, str, str], fits: bool) -> None:
    """A number, an amount, a yes or no, a day and a choice as people write them, and not only texts."""
    kinds = {
        "size": "integer",
        "fee": "money",
        "leaking": "boolean",
        "since": "date",
        "noticed": "datetime",
        "story": "text",
    }
    questions: list[dict[str, Any]] = [{"code": code, "label": code.title(), "type": kinds[code]} for code in kinds]
    questions.append({"code": "colour", "label": "Colour", "type": "choice", "choices": ["Red", "Blue"]})
    answers = {
        "size": 5,
        "fee": "12.50",
        "leaking": True,
        "since": "2026-01-02",
        "noticed": "2026-01-02T13:00",
        "story": "In the cellar",
        "colour": "Red",
    }
    roads = queue(town, "Roads")
    route(town, "Rule", conditions=[dict(zip(("field", "is", "value"), row, strict=True))], to_queue=roads)
    made = report(town, "Something", category=category(town, questions=questions).id, answers=answers)
    assert (made.queue == roads) is fits


@pytest.mark.parametrize("hour", ["00:00", "13:30", "23:59"])
def test_a_day_means_the_whole_day_in_rules_as_in_filters(town: Town, clock: FixedClock, hour: str) -> None:
    """A case of any hour of a day, by the town's clock, is of that day for a rule where it is for a list."""
    clock.move(datetime.fromisoformat(f"2026-04-02 {hour}").replace(tzinfo=town.zone) - clock.now())
    topic, day, operators = category(town).id, "2026-04-02", {"is": "eq", "at_most": "lte", "at_least": "gte"}
    for comparison, operator in operators.items():
        there = queue(town, comparison)
        rows = [{"field": "created", "is": comparison, "value": day}]
        rule = route(town, comparison, conditions=rows, to_queue=there)
        made = report(town, "Something", category=topic)
        assert made.queue == there, comparison
        assert town.records.count(SYSTEM, REQUEST, {"id": made.id, "created": {operator: day}}).value == 1
        town.records.archive(SYSTEM, ROUTE, rule.id, version=1)


def test_rules_know_the_time_of_the_town(town: Town, clock: FixedClock) -> None:
    """Out of hours, at the weekend and over midnight, on the town's clock."""
    late = queue(town, "Night shift")
    times = [{"day": "weekdays", "starts": "17:00", "ends": "08:00"}, {"day": "weekend"}]
    route(town, "Out of hours", times=times, to_queue=late)
    topic = category(town)
    for when, expected in (
        ("2026-03-02 12:00", False),  # a Monday
        ("2026-03-02 17:00", True),
        ("2026-03-03 07:59", True),
        ("2026-03-03 08:00", False),
        ("2026-03-07 12:00", True),  # a Saturday
        ("2026-03-09 07:00", False),  # a Monday: the night before began on a Sunday
    ):
        clock.move(datetime.fromisoformat(when).replace(tzinfo=town.zone) - clock.now())
        assert (report(town, "Noise", category=topic.id).queue == late) is expected, when


def test_a_place_lies_in_a_ward(town: Town, administrator: Actor) -> None:
    """Outlines from a file decide, and the ward is kept with the case for the figures."""
    done = wards.import_outlines(town, administrator, boxes(BOXES), source="wards.geojson")
    assert (done.added, done.changed, done.named_by) == (("North", "South"), (), "name")
    north = queue(town, "North team")
    ids = {ward.name: ward.id for ward in rulebook(town).wards}
    route(town, "North", wards=[ids["North"]], to_queue=north)
    topic = category(town, location="optional")
    inside = report(town, "Here", category=topic.id, place={"latitude": "39.45", "longitude": "-84.55"})
    outside = report(town, "There", category=topic.id, place={"latitude": "39.35", "longitude": "-84.55"})
    nowhere = report(town, "Somewhere", category=topic.id)
    assert [each.queue for each in (inside, outside, nowhere)] == [north, None, None]
    table = town.system.case_route
    kept = dict(table.select(table.record_id, table.ward_id).tuples())
    assert kept == {inside.id: ids["North"], outside.id: ids["South"], nowhere.id: None}
    assert wards.ward_at(town, -84.55, 39.45) == (ids["North"], "North")
    assert wards.ward_at(town, 0.0, 0.0) is None


def test_figures_go_by_ward(town: Town, administrator: Actor) -> None:
    """Each ward's figure leads to its own cases; who may not see wards groups by none."""
    wards.import_outlines(town, administrator, boxes(BOXES), source="wards.geojson")
    topic, ids = category(town, location="optional"), {ward.name: str(ward.id) for ward in rulebook(town).wards}
    points = {"Here": ("39.45", ids["North"]), "There": ("39.35", ids["South"])}
    cases = {
        ward: report(town, text, category=topic.id, place={"latitude": latitude, "longitude": "-84.55"}).id
        for text, (latitude, ward) in points.items()
    } | {"": report(town, "Somewhere", category=topic.id).id}
    today = Period(town.today(), town.today())
    for measure in ("came_in", "open"):
        wanted = Slice(measure, today)
        assert figures.counted(town, administrator, REQUEST, wanted, "ward") == dict.fromkeys(cases, 1)
        for ward, id in cases.items():
            found = town.records.find(administrator, REQUEST, figure=wanted.of_group("ward", ward)).records
            assert [record.id for record in found] == [id]
    _, groups = figures.backlog(town, administrator, REQUEST, today, "ward")
    assert groups == dict.fromkeys(cases, 1)
    named = figures.labels(town, administrator, REQUEST, "ward", cases)
    assert named == {ids["North"]: "North", ids["South"]: "South", "": "None"}
    tom = Actor("staff", "Tom", 9, frozenset({f"{REQUEST}.view", f"{REQUEST}.see_internal"}))
    assert "ward" not in {each.name for each in figures.groupings(town, tom, town.schemas[REQUEST])}
    with pytest.raises(Rejected):
        figures.counted(town, tom, REQUEST, Slice("came_in", today), "ward")


def test_a_case_that_comes_closed_is_left_alone(town: Town) -> None:
    """Old cases that are brought in wait for nobody."""
    roads = queue(town, "Roads")
    route(town, "All", to_queue=roads)
    values = {"category": category(town).id, "description": "Long ago", "state": "closed", "resolution": "Done."}
    (outcome,) = town.records.import_rows(SYSTEM, REQUEST, [values])
    assert outcome.id is not None
    assert town.records.get(SYSTEM, REQUEST, outcome.id).queue is None
    assert not town.system.case_route.select().exists()


def test_a_rule_without_conditions_takes_the_rest_in_its_order(town: Town) -> None:
    """The first that fits counts; one that says nothing about cases fits all, of all kinds if it names none."""
    roads, desk = queue(town, "Roads"), queue(town, "General")
    route(town, "Rest", 900, case_type=None, to_queue=desk)
    route(town, "Holes", 10, words="hole", to_queue=roads)
    topic = category(town)
    assert [report(town, text, category=topic.id).queue for text in ("A hole", "A tree")] == [roads, desk]


def test_a_rule_of_a_module_that_went_away_is_left_out(town: Town) -> None:
    """A rule whose kind of case or field is gone is not used, says why, and stops nobody."""
    roads = queue(town, "Roads")
    schema = (
        '[type]\nname = "thing"\ntitle = "{label}"\n[fields.label]\ntype = "text"\nrequired = true\nsearch = true\n'
        '[fields.colour]\ntype = "text"\n[workflow]\ninitial = "new"\n[workflow.states.new]\n[workflow.states.done]\n'
        'final = true\n[[workflow.transitions]]\nname = "finish"\nfrom = ["new"]\nto = "done"\nby = ["staff"]\n'
    )
    folder = add_plugin(town, "things", schema=schema)
    switching.enable(town, SYSTEM, "things")
    red = [{"field": "colour", "is": "is", "value": "red"}]
    town.records.create(
        SYSTEM, ROUTE, {"name": "Red", "case_type": "things.thing", "conditions": red, "to_queue": roads}
    )
    assert town.records.create(SYSTEM, "things.thing", {"label": "A", "colour": "red"}).queue == roads
    (folder / "schemas" / "thing.toml").write_text(schema.replace("[fields.colour]", "[fields.hue]"), encoding="utf-8")
    town.reload()
    assert town.records.create(SYSTEM, "things.thing", {"label": "B", "hue": "red"}).queue is None
    assert [each.problem for each in rulebook(town).routes] == ["Thing has no field “colour”."]


def test_a_plugin_that_fails_to_route_refuses_the_case(town: Town) -> None:
    """A hook that decides fails closed, and nothing is saved."""
    topic = category(town)
    add_plugin(town, "odd", code="from townhall import hookimpl\n@hookimpl\ndef route_case(change):\n    return 'x'\n")
    switching.enable(town, SYSTEM, "odd")
    with pytest.raises(Rejected):
        report(town, "A hole", category=topic.id)
    assert town.records.count(SYSTEM, REQUEST).value == 0


def test_seeds_name_queues_that_are_made_if_missing(town: Town) -> None:
    """A module's first records may name a record of core's set-up; one that is there already is taken."""
    streets = town.records.find(SYSTEM, QUEUE, {"name": "Streets and lights"}).records
    assert len(streets) == 1
    light = town.records.find(SYSTEM, CATEGORY, {"code": "street_light"}).records[0]
    assert light["default_queue"] == streets[0].id
    before = town.records.count(SYSTEM, QUEUE).value
    schema = '[type]\nname = "crew"\ntitle = "{label}"\n[fields.label]\ntype = "text"\n'
    schema += '[fields.waits]\ntype = "link"\nto = "core.queue"\n'
    folder = add_plugin(town, "crews", schema=schema)
    (folder / "schemas" / "thing.toml").rename(folder / "schemas" / "crew.toml")
    (folder / "seeds").mkdir()
    rows = "".join(f'[[records]]\nlabel = "{each}"\nwaits = "{each}"\n' for each in ("Parks", "Harbour"))
    (folder / "seeds" / "crews.toml").write_text(f'type = "crew"\n{rows}', encoding="utf-8")
    switching.enable(town, SYSTEM, "crews")
    crews = town.records.find(SYSTEM, "crews.crew").records
    assert [crew.titles[QUEUE, crew["waits"]] for crew in crews] == [crew.title for crew in crews]
    assert town.records.count(SYSTEM, QUEUE).value == before + 1


def test_a_draft_is_routed_when_it_is_sent(make_town: Callable[..., Town], clerk: Actor) -> None:
    """What somebody still writes on waits for nobody; once it is sent it goes where such cases go, and says so then."""
    town = make_town("desk")
    roads = queue(town, "Roads")
    town.records.create(SYSTEM, ROUTE, {"name": "All", "case_type": "desk.ticket", "to_queue": roads})
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})
    values = {"topic": topic.id, "summary": "Deep"}
    draft = town.records.create(SYSTEM, "desk.ticket", values, state="draft")
    assert draft.queue is None
    workflow = town.schemas["desk.ticket"].workflow
    assert workflow is not None
    move = next(each.name for each in workflow.transitions if "draft" in each.sources and each.target == "new")
    sent = town.records.transition(SYSTEM, "desk.ticket", draft.id, move, version=draft.version)
    assert sent.queue == roads
    entries, _, _ = town.records.timeline(clerk, "desk.ticket", draft.id)
    assert [bool(entry.body) for entry in entries if entry.kind == "change"] == [True, False]
