"""Reading records: what comes back to whom, filters, orders, counts and groups."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.lifecycle import switching
from townhall.records.types import Record
from townhall.town import Town

TICKET = "desk.ticket"
TOPIC = "desk.topic"
SYSTEM = system()


@pytest.fixture
def topic(town: Town) -> Record:
    """A topic with a public, an internal and a confidential question."""
    return town.records.create(
        SYSTEM,
        TOPIC,
        {
            "name": "Potholes",
            "group": "streets",
            "team": "Roads",
            "questions": [
                {"code": "deep", "label": "How deep?", "type": "integer", "privacy": "public"},
                {"code": "near", "label": "What is near?", "type": "text"},
                {"code": "hurt", "label": "Was anybody hurt?", "type": "text", "privacy": "confidential"},
                {"code": "lit", "label": "Is it lit?", "type": "boolean"},
            ],
        },
    )


@pytest.fixture
def contact(town: Town) -> Record:
    """Somebody who reports things."""
    return town.records.create(SYSTEM, "core.contact", {"given_name": "Halina", "family_name": "Nowak"})


@pytest.fixture
def make(town: Town, topic: Record) -> Callable[..., Record]:
    """Make a ticket."""

    def make(**values: Any) -> Record:
        state = values.pop("state", None)
        return town.records.create(SYSTEM, TICKET, {"topic": topic.id, "summary": "Hole", **values}, state=state)

    return make


def summaries(town: Town, actor: Actor, where: Any = None, **options: Any) -> list[str]:
    """Summaries of the tickets that are found."""
    return [record["summary"] for record in town.records.find(actor, TICKET, where, **options).records]


# -- what comes back ------------------------------------------------------------------------------------------------


def test_clerk_sees_all_but_confidential_values(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """Staff get public and internal values; a confidential one is only named, as something that can be revealed."""
    record = town.records.get(clerk, TICKET, make(secret="Safe code 12", details="Deep").id)
    assert record["details"] == "Deep"
    assert "secret" not in record.values
    assert record.masked == {"secret"}


def test_viewer_can_not_reveal(town: Town, make: Callable[..., Record], viewer: Actor) -> None:
    """Without the permission for confidential fields they are hidden, and asking for one is refused."""
    id = make(secret="Safe code 12").id
    record = town.records.get(viewer, TICKET, id)
    assert record.hidden == {"secret"}
    assert record.masked == frozenset()
    with pytest.raises(Forbidden, match="may not see “Secret”"):
        town.records.reveal(viewer, TICKET, id, "secret", "The caller asks")


def test_public_sees_public_fields_of_public_records(town: Town, make: Callable[..., Record]) -> None:
    """Anonymous visitors get records that fulfil ``public_if``, and of these public fields only."""
    shown, kept = make(open_to_all=True, details="Inside", outcome="Filled"), make(open_to_all=False)
    record = town.records.get(ANONYMOUS, TICKET, shown.id)
    assert set(record.values) == {"topic", "summary", "outcome"}
    assert record.assignee is None
    assert record.created_by == ""
    with pytest.raises(NotFound, match="can't be found"):
        town.records.get(ANONYMOUS, TICKET, kept.id)
    assert summaries(town, ANONYMOUS) == ["Hole"]
    assert town.records.count(ANONYMOUS, TICKET).value == 1


def test_incomplete_record_is_never_public(town: Town, make: Callable[..., Record]) -> None:
    """A draft is nobody's business, and an archived record is gone from the public's view."""
    make(open_to_all=True, state="draft")
    gone = make(open_to_all=True)
    town.records.archive(SYSTEM, TICKET, gone.id, version=gone.version)
    assert summaries(town, ANONYMOUS) == []


def test_type_without_public_records_is_closed(town: Town, contact: Record) -> None:
    """Nothing of a type without ``public_if`` is found by the public, whichever way it is asked for."""
    with pytest.raises(NotFound):
        town.records.get(ANONYMOUS, "core.contact", contact.id)
    assert town.records.find(ANONYMOUS, "core.contact").records == []
    assert town.records.count(ANONYMOUS, "core.contact").value == 0
    assert town.records.lookup(ANONYMOUS, "core.contact", "Nowak") == []


def test_order_the_public_may_not_know_is_not_used(town: Town, make: Callable[..., Record]) -> None:
    """Where a type is sorted by an internal field, the public reads newest first."""
    ids = [make(open_to_all=True).id for _ in range(3)]
    sort = town.schemas[TICKET].list.sort
    object.__setattr__(town.schemas[TICKET].list, "sort", "due")
    try:
        found = [record.id for record in town.records.find(ANONYMOUS, TICKET).records]
    finally:
        object.__setattr__(town.schemas[TICKET].list, "sort", sort)
    assert found == ids[::-1]
    with pytest.raises(Rejected):
        town.records.find(ANONYMOUS, TICKET, sort="due")


def test_citizen_sees_the_record_of_their_link(town: Town, make: Callable[..., Record]) -> None:
    """A secret link opens its record, and no other one that is not public."""
    mine, other = make(), make()
    holder = citizen(frozenset({(TICKET, mine.id)}))
    assert town.records.get(holder, TICKET, mine.id)["summary"] == "Hole"
    with pytest.raises(NotFound):
        town.records.get(holder, TICKET, other.id)
    assert [record.id for record in town.records.find(holder, TICKET).records] == [mine.id]


def test_citizen_reads_back_what_they_may_still_change(town: Town, make: Callable[..., Record]) -> None:
    """While the sender may edit, they read the form's own fields; afterwards only public ones."""
    record = make(details="By the school", code="X1")
    holder = citizen(frozenset({(TICKET, record.id)}))
    assert town.records.get(holder, TICKET, record.id)["details"] == "By the school"
    assert "code" not in town.records.get(holder, TICKET, record.id).values
    town.records.transition(SYSTEM, TICKET, record.id, "ask", version=record.version)
    assert "details" not in town.records.get(holder, TICKET, record.id).values


def test_staff_without_permission_are_told(town: Town, make: Callable[..., Record]) -> None:
    """Staff who may not see a type get a sentence, not an empty list."""
    outsider = Actor("staff", "Olga", 9, frozenset({"desk.topic.view"}))
    id = make().id
    with pytest.raises(Forbidden, match="You may not see tickets"):
        town.records.get(outsider, TICKET, id)
    with pytest.raises(Forbidden):
        town.records.find(outsider, TICKET)
    assert not town.records.may(outsider, "view", TICKET)
    assert town.records.may(outsider, "view", TOPIC)


def test_answers_have_a_privacy_each(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """Of one field of answers, staff read all but the confidential ones."""
    record = make(answers={"deep": 4, "near": "School", "hurt": "Yes"}, open_to_all=True)
    assert dict(town.records.get(clerk, TICKET, record.id)["answers"].values) == {"deep": 4, "near": "School"}
    assert dict(town.records.get(SYSTEM, TICKET, record.id)["answers"].values) == {
        "deep": 4,
        "near": "School",
        "hurt": "Yes",
    }


def test_titles_of_links_come_with_the_record(
    town: Town, make: Callable[..., Record], contact: Record, topic: Record, clerk: Actor
) -> None:
    """A record brings the titles of what it points at, as far as the actor may know them."""
    record = make(reporter=contact.id, watchers=[contact.id], open_to_all=True)
    seen = town.records.get(clerk, TICKET, record.id)
    assert seen.titles == {(TOPIC, topic.id): "Potholes", ("core.contact", contact.id): "Halina Nowak"}
    assert town.records.get(ANONYMOUS, TICKET, record.id).titles == {(TOPIC, topic.id): "Potholes"}


def test_asking_for_few_fields_reads_few(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """``fields`` limits what comes back; a field that is not there any more is left out."""
    make(details="Inside")
    (record,) = town.records.find(clerk, TICKET, fields=["summary", "gone", "state"]).records
    assert set(record.values) == {"summary"}
    assert record.state == "new"
    with pytest.raises(KeyError):
        record["details"]


def test_by_number_in_any_case(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """A number finds its record however it is typed; a wrong one is a sentence."""
    record = make()
    assert town.records.by_number(clerk, TICKET, " t-2026-0001 ").id == record.id
    with pytest.raises(NotFound, match="no ticket with the number “T-9”"):
        town.records.by_number(clerk, TICKET, "T-9")
    with pytest.raises(NotFound):
        town.records.by_number(ANONYMOUS, TICKET, "T-2026-0001")


# -- filters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"summary": "LAMP  out"}, ["Lamp out"]),
        ({"summary": {"contains": "am"}}, ["Lamp out"]),
        ({"topic.group": "streets"}, ["Hole", "Lamp out"]),
        ({"topic.team": {"ne": "Roads"}}, []),
        ({"lines.amount": {"gte": 100}}, ["Lamp out"]),
        ({"lines": {"empty": True}}, ["Hole"]),
        ({"score": {"between": [1.25, 1.5]}}, ["Hole"]),
        ({"answers.deep": {"gt": 3}}, ["Hole"]),
        ({"answers.near": "school"}, ["Hole"]),
        ({"answers.lit": True}, ["Lamp out"]),
        ({"kind": ["report"], "any": [{"refund": {"gt": 10}}, {"score": {"empty": True}}]}, ["Lamp out"]),
        ({"photos": {"empty": True}}, ["Hole", "Lamp out"]),
        ({"created": "today"}, ["Hole", "Lamp out"]),
        ({"number": "T-0"}, []),
    ],
)
def test_filters_reach_every_kind_of_field(
    town: Town, make: Callable[..., Record], clerk: Actor, where: Any, found: list[str]
) -> None:
    """A filter works on fields, behind links, in rows, in answers and on files alike."""
    make(summary="Hole", score="1.5", answers={"deep": 4, "near": "School"})
    make(summary="Lamp out", lines=[{"what": "Lamp", "amount": 120}], answers={"deep": 2, "lit": True}, refund=20)
    assert sorted(summaries(town, clerk, where)) == found
    assert town.records.count(clerk, TICKET, where).value == len(found)


def test_filter_on_links(town: Town, make: Callable[..., Record], contact: Record, clerk: Actor) -> None:
    """Links of either sort are compared by id."""
    make(summary="Reported", reporter=contact.id)
    make(summary="Watched", watchers=[contact.id])
    assert summaries(town, clerk, {"reporter": contact.id}) == ["Reported"]
    assert summaries(town, clerk, {"watchers": contact.id}) == ["Watched"]
    assert summaries(town, clerk, {"watchers": {"empty": True}}) == ["Reported"]
    assert summaries(town, clerk, {"reporter.family_name": "nowak"}) == ["Reported"]


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ({"sumary": "x"}, "There is no field “sumary” to filter tickets by. Did you mean “summary”?"),
        ({"secret": "x"}, "“Secret” is confidential, so nobody can filter by it."),
        ({"reporter.born": {"empty": False}}, "“Date of birth” is confidential, so nobody can filter by it."),
        ({"answers.hurt": "yes"}, "“Was anybody hurt\\?” is confidential, so nobody can filter by it."),
        ({"answers.nothing": "yes"}, "no field “answers.nothing” to filter"),
        ({"summary": {"near": "x"}}, "“near” is not an operator"),
        ({"kind": "wish"}, "not one of its choices"),
        ({"photos": "x"}, "can't be used"),
    ],
)
def test_unusable_filter_is_a_sentence(town: Town, topic: Record, clerk: Actor, where: Any, sentence: str) -> None:
    """Whatever is wrong with a filter, a person can read it."""
    with pytest.raises(Rejected, match=sentence):
        town.records.find(clerk, TICKET, where)


@pytest.mark.parametrize("where", [{"details": {"contains": "x"}}, {"topic.team": "Roads"}, {"answers.near": "x"}])
def test_public_can_not_probe_by_filter(town: Town, topic: Record, where: Any) -> None:
    """A filter on what a visitor may not read is refused, in find, count and aggregate."""
    for ask in (town.records.find, town.records.count):
        with pytest.raises(Rejected):
            ask(ANONYMOUS, TICKET, where)
    with pytest.raises(Rejected):
        town.records.aggregate(ANONYMOUS, TICKET, group_by=["state"], where=where)


def test_town_itself_can_not_filter_by_confidential_fields(town: Town) -> None:
    """Not even the system groups, sorts or filters by a confidential field: lists would tell."""
    with pytest.raises(Rejected, match="confidential"):
        town.records.find(SYSTEM, TICKET, {"secret": "x"})
    with pytest.raises(Rejected, match="confidential"):
        town.records.find(SYSTEM, TICKET, sort="secret")
    with pytest.raises(Rejected, match="confidential"):
        town.records.aggregate(SYSTEM, TICKET, group_by=["secret"])


def test_archived_records_are_left_out(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """Lists leave archived records out unless they are asked for."""
    record = make(summary="Old")
    make(summary="New")
    town.records.archive(SYSTEM, TICKET, record.id, version=record.version)
    assert summaries(town, clerk) == ["New"]
    assert summaries(town, clerk, archived=True) == ["Old"]
    assert sorted(summaries(town, clerk, archived=None)) == ["New", "Old"]


def test_public_question_does_not_look_behind_closed_doors(town: Town, make: Callable[..., Record]) -> None:
    """A public filter over a link counts only linked records that are public themselves."""
    make(open_to_all=True)
    assert town.records.count(ANONYMOUS, TICKET, {"topic.group": "streets"}).value == 1
    (topic,) = town.records.find(SYSTEM, TOPIC).records
    town.records.update(SYSTEM, TOPIC, topic.id, {"active": False}, version=topic.version)
    assert town.records.count(ANONYMOUS, TICKET, {"topic.group": "streets"}).value == 0
    assert town.records.find(ANONYMOUS, TICKET).records[0].titles == {}


# -- groups and counts ----------------------------------------------------------------------------------------------


def test_aggregate_counts_and_adds_up(town: Town, make: Callable[..., Record], clerk: Actor, topic: Record) -> None:
    """Groups come with their values, their number and exact totals."""
    make(refund="10.10")
    make(refund="0.20", kind="report")
    make(kind="question", score="1.125")
    groups = town.records.aggregate(clerk, TICKET, group_by=["kind"], sums=["score"])
    assert [(group["kind"], group["count"], str(group["score"])) for group in groups] == [
        ("question", 1, "1.125"),
        ("report", 2, "None"),
    ]
    (total,) = town.records.aggregate(clerk, TICKET, group_by=["topic"], where={"kind": "report"}, sums=["refund"])
    assert (total["topic"], total["count"], str(total["refund"].amount)) == (topic.id, 2, "10.30")


def test_count_stops_at_its_cap(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """Counting goes no further than its cap, and says so."""
    for _ in range(4):
        make()
    assert str(town.records.count(clerk, TICKET, cap=3)) == "3+"
    assert str(town.records.count(clerk, TICKET, cap=4)) == "4"


# -- lookup ---------------------------------------------------------------------------------------------------------


def test_lookup_puts_beginnings_first(town: Town, clerk: Actor) -> None:
    """A lookup finds words anywhere in a title, and titles that begin with them first."""
    for given, family in (("Anna", "Marsh"), ("Marsha", "Bell"), ("Otto", "Zander")):
        town.records.create(SYSTEM, "core.contact", {"given_name": given, "family_name": family})
    found = town.records.lookup(clerk, "core.contact", "marsh")
    assert [option.title for option in found] == ["Marsha Bell", "Anna Marsh"]
    assert len(town.records.lookup(clerk, "core.contact", "", limit=2)) == 2


HIDDEN_TITLE = """
[type]
name = "wish"
title = "{person}: {what}"
[fields.person]
type = "text"
search = true
[fields.what]
type = "text"
privacy = "public"
[fields.theme]
type = "link"
to = "theme"
privacy = "public"
[list]
sort = "title"
"""
THEME = """
[type]
name = "theme"
title = "{name}"
[fields.name]
type = "text"
privacy = "public"
search = true
[fields.owner]
type = "text"
search = true
"""


@pytest.fixture
def park(make_town: Callable[..., Town]) -> Town:
    """A town with a type whose titles say more than the public may read."""
    town = make_town()
    folder = town.instance / "plugins" / "park"
    (folder / "schemas").mkdir(parents=True)
    (folder / "plugin.toml").write_text(
        'name = "park"\ntitle = "Park"\nversion = "1.0"\napi = ">=1,<2"\n', encoding="utf-8"
    )
    (folder / "schemas" / "wish.toml").write_text(HIDDEN_TITLE, encoding="utf-8")
    (folder / "schemas" / "theme.toml").write_text(THEME, encoding="utf-8")
    switching.enable(town, SYSTEM, "park")
    town.reload()
    return town


def test_title_is_made_anew_for_citizens(park: Town, clerk: Actor) -> None:
    """A stored title with an internal part is never told to the citizen who has a link, whichever way they ask."""
    theme = park.records.create(SYSTEM, "park.theme", {"name": "Trees", "owner": "Gareth"})
    wish = park.records.create(SYSTEM, "park.wish", {"person": "Halina Nowak", "what": "More oaks", "theme": theme.id})
    holder = citizen(frozenset({("park.wish", wish.id)}))
    assert park.records.get(clerk, "park.wish", wish.id).title == "Halina Nowak: More oaks"
    assert park.records.get(holder, "park.wish", wish.id).title == "More oaks"
    (found,) = park.records.find(holder, "park.wish", fields=["theme"]).records
    assert found.title == "More oaks"
    assert found.titles == {("park.theme", theme.id): "Trees"}
    assert set(found.values) == {"theme"}
    for where in ({"title": {"contains": "Nowak"}}, {"title": "x"}):
        with pytest.raises(Rejected):
            park.records.count(holder, "park.wish", where)
    with pytest.raises(Rejected):
        park.records.find(holder, "park.wish", sort="title")
    assert park.records.search(holder, "nowak")[0] == []
    assert [option.title for option in park.records.lookup(holder, "park.wish", "")] == ["More oaks"]
    assert park.records.lookup(holder, "park.wish", "nowak") == []


def test_public_finds_options_by_their_names_only(park: Town) -> None:
    """What a form offers is found by words of its name, and not by what is internal."""
    park.records.create(SYSTEM, "park.theme", {"name": "Trees", "owner": "Gareth"})
    context = park.context(ANONYMOUS)
    assert [option.title for option in context.options("park.theme", None, "tre", 10)] == ["Trees"]
    assert context.options("park.theme", None, "gareth", 10) == []


def test_options_of_a_public_form(town: Town, topic: Record) -> None:
    """A form offers the public what it may read the names of, and obeys the link's own condition."""
    town.records.create(SYSTEM, TOPIC, {"name": "Closed", "active": False})
    field = town.schemas[TICKET].fields["topic"]
    offered = town.context(ANONYMOUS).options(TOPIC, field.where, "", 10)
    assert [option.title for option in offered] == ["Potholes"]
    assert offered[0].note == ""
    assert town.context(ANONYMOUS).options("core.contact", None, "", 10) == ()


# -- the number of statements -----------------------------------------------------------------------------------------


def test_statements_do_not_grow_with_rows(
    town: Town, make: Callable[..., Record], contact: Record, clerk: Actor, statements: Callable[..., int]
) -> None:
    """A page of many records with rows, links and files needs as many statements as a page of one."""

    def fill(count: int) -> None:
        for _ in range(count):
            make(
                reporter=contact.id,
                watchers=[contact.id],
                lines=[{"what": "Sand", "amount": 5}],
                answers={"deep": 1},
            )

    fill(1)
    town.records.find(clerk, TICKET)
    one = statements(lambda: town.records.find(clerk, TICKET))
    fill(9)
    assert statements(lambda: town.records.find(clerk, TICKET)) == one


@pytest.fixture
def statements(town: Town) -> Callable[..., int]:
    """Counts the statements that a call sends to the database."""

    def count(call: Callable[[], object]) -> int:
        sent: list[str] = []
        original = town.database.execute_sql

        def execute_sql(sql: str, params: Any = None, *rest: Any) -> Any:
            sent.append(sql)
            return original(sql, params, *rest)

        town.database.execute_sql = execute_sql
        try:
            call()
        finally:
            del town.database.execute_sql
        return len(sent)

    return count


def test_context_of_rules_looks_past_privacy(town: Town, make: Callable[..., Record]) -> None:
    """``value_of`` serves rules: it reads what the actor may not, once per record."""
    record = make(secret="12", details="Deep")
    context = town.context(ANONYMOUS)
    assert context.value_of(TICKET, record.id, "secret") == "12"
    assert context.value_of(TICKET, record.id, "state") == "new"
    assert context.value_of(TICKET, record.id + 1, "secret") is None
    assert context.value_of("gone.type", 1, "secret") is None


def test_time_stands_in_the_towns_zone(
    town: Town, make: Callable[..., Record], clock: FixedClock, clerk: Actor
) -> None:
    """ "Today" in a filter is the town's day, not that of UTC."""
    clock.move(timedelta(hours=11))  # 23:00 in New York, already tomorrow in UTC
    make(summary="Late")
    assert summaries(town, clerk, {"created": "today"}) == ["Late"]
    clock.move(timedelta(hours=2))
    assert summaries(town, clerk, {"created": "today"}) == []


def test_one_column_of_rows_can_be_asked_for(town: Town, clerk: Actor) -> None:
    """A path into a rows field reads that column alone; the name of the field reads all of them."""
    phones = [{"number": "+1 513 555 0142", "label": "mobile"}]
    id = town.records.create(SYSTEM, "core.contact", {"given_name": "Halina", "phones": phones}).id

    def rows(*fields: str) -> list[dict[str, Any]]:
        (found,) = town.records.find(clerk, "core.contact", {"id": id}, fields=fields).records
        assert found.values.keys() == {"phones"}
        return [dict(row) for row in found.values["phones"]]

    assert rows("phones.number") == [{"number": "+15135550142"}]
    assert rows("phones.number", "phones")[0].keys() > {"number", "label"}
