"""Scopes: a clerk of one department knows nothing of another's cases, at any door, and a share opens exactly one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from departments import Departments
from desk import CONTACT
from desk import TICKET
from desk import make_contact
from statements import statements

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases.queries import my_work
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.events import calendar
from townhall.records import gathering
from townhall.records import pages
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.values import Reference

SYSTEM = system()


@pytest.fixture
def at(town: Town) -> Departments:
    """The two departments."""
    return Departments(town)


def surfaces(town: Town, actor: Actor, contact: Record) -> dict[str, set[str]]:
    """What somebody learns of cases at every door that gathers records: summaries, by door."""
    records = town.records
    seen: dict[str, set[str]] = {}

    def of(records: Any) -> set[str]:
        return {each.title.partition(": ")[2] for each in records}

    seen["find"] = of(records.find(actor, TICKET).records)
    seen["figure"] = of(records.find(actor, TICKET, {"topic.name": "Potholes"}, sort="summary").records)
    hits = [hit for word in ("hole", "leak") for hit in records.search(actor, word)[0]]
    seen["search"] = of(hit for hit in hits if hit.identity == TICKET)
    seen["lookup"] = of(records.lookup(actor, TICKET, "Potholes"))
    seen["timeline"] = {
        entry.about[3].partition(": ")[2]
        for entry in records.timeline(actor, CONTACT, contact.id)[0]
        if entry.about and entry.about[0] == TICKET
    }
    seen["panels"] = {
        title
        for panel in records.panels(actor, contact)
        if panel.type.identity == TICKET
        for title in of(panel.records)
    }
    seen["work"] = {title for lane in my_work(town, actor, everybody=True) for title in of(lane.records)}
    now = town.clock.now()
    shown = calendar.entries(town, actor, now - timedelta(days=1), now + timedelta(days=2))
    seen["calendar"] = {entry.title.removeprefix("Look at ") for entry in shown}
    assert records.count(actor, TICKET).value == len(seen["find"])
    (counted,) = records.aggregate(actor, TICKET, group_by=["kind"]) or [{"count": 0}]
    assert counted["count"] == len(seen["find"])
    return seen


def test_another_departments_case_is_nowhere(town: Town, at: Departments) -> None:
    """Each clerk sees the case of their own team at every door and no trace of the other; a share opens exactly one."""
    records, contact = town.records, at.contact
    tomorrow = town.clock.now() + timedelta(hours=20)
    for case in (at.ours, at.theirs):
        about = Reference(TICKET, case.id)
        said = {"channel": "phone", "direction": "in", "body": "I hole leak", "contact": contact.id, "about": about}
        records.create(SYSTEM, "core.interaction", said)
        records.create(SYSTEM, "core.event", {"name": f"Look at {case['summary']}", "starts": tomorrow, "about": about})
    other = at.ticket("Leak in Ash", queue=at.water)
    mine, both = {"Hole in Elm"}, {"Hole in Elm", "Leak in Oak"}

    assert {door: seen for door, seen in surfaces(town, at.ann, contact).items() if seen != mine} == {}
    assert records.count(at.ann, "core.interaction").value == 1
    assert surfaces(town, at.bob, contact)["find"] == {"Leak in Oak", "Leak in Ash"}
    for look in (
        lambda: records.get(at.ann, TICKET, at.theirs.id),
        lambda: records.by_number(at.ann, TICKET, at.theirs.number),
        lambda: records.history(at.ann, TICKET, at.theirs.id),
        lambda: records.timeline(at.ann, TICKET, at.theirs.id),
        lambda: records.update(at.ann, TICKET, at.theirs.id, {"summary": "x"}, version=1),
        lambda: records.transition(at.ann, TICKET, at.theirs.id, "finish", {"outcome": "x"}, version=1),
        lambda: records.archive(at.ann, TICKET, at.theirs.id, version=1),
        lambda: records.reveal(at.ann, TICKET, at.theirs.id, "secret", "curious"),
        lambda: records.message(at.ann, TICKET, at.theirs.id, "Hello"),
        lambda: records.share(at.ann, TICKET, at.theirs.id, at.streets, "view"),
        lambda: records.make_link(at.ann, TICKET, at.theirs.id, "status"),
    ):
        with pytest.raises(NotFound):
            look()
    with pytest.raises(ValidationFailed, match="can't be found"):
        records.create(at.ann, "core.task", {"subject": "Peek", "about": Reference(TICKET, at.theirs.id)})

    shared = records.share(at.bob, TICKET, at.theirs.id, at.streets, "view", "Your trench")
    assert {door: seen for door, seen in surfaces(town, at.ann, contact).items() if seen != both} == {}
    with pytest.raises(NotFound):
        records.get(at.ann, TICKET, other.id)
    for change in (
        lambda: records.update(at.ann, TICKET, at.theirs.id, {"summary": "x"}, version=1),
        lambda: records.reveal(at.ann, TICKET, at.theirs.id, "secret", "curious"),
        lambda: records.share(at.ann, TICKET, at.theirs.id, at.streets, "work"),
    ):
        with pytest.raises(Forbidden):
            change()
    assert records.offered(at.ann, records.get(at.ann, TICKET, at.theirs.id)) == []
    assert records.count(at.ann, TICKET, verb="export").value == 1

    records.share(at.bob, TICKET, at.theirs.id, at.streets, "work")
    changed = records.update(at.ann, TICKET, at.theirs.id, {"summary": "Leak in Oak St"}, version=1)
    assert changed["summary"] == "Leak in Oak St"
    ((share,), told) = records.shares(at.bob, TICKET, at.theirs.id), records.history(at.bob, TICKET, at.theirs.id)
    assert (share.team, share.level, share.by) == ("Streets", "work", "Bob")
    assert next(entry.note for entry in told if entry.action == "share") == "Shared with Streets (see it): Your trench"
    with pytest.raises(NotFound):
        records.unshare(at.bob, TICKET, at.theirs.id, shared.id)
    records.unshare(at.bob, TICKET, at.theirs.id, share.id)
    assert {door: seen for door, seen in surfaces(town, at.ann, contact).items() if seen != mine} == {}


def test_scopes_hold_each_other(town: Town, at: Departments) -> None:
    """Each scope holds those before it, and what names somebody lets them see what it is about."""
    records = town.records
    own, given = (
        at.person("own", "desk.ticket.view@own", "desk.ticket.create", "desk.ticket.see_internal", "desk.topic.view"),
        at.person("given", "*.view@assigned"),
    )
    taken = at.ticket("Taken by own", own, reporter=None)
    held = at.ticket("Held", queue=at.water, assignee=given.id)
    assert [each.id for each in records.find(own, TICKET).records] == [taken.id]
    assert [each.id for each in records.find(given, TICKET).records] == [held.id]
    visit = {"name": "Visit", "starts": town.clock.now(), "about": Reference(TICKET, at.ours.id)}
    records.create(SYSTEM, "core.event", {**visit, "team": [{"person": given.id}]})
    assert {each.id for each in records.find(given, TICKET).records} == {held.id, at.ours.id}
    # the case tells what it is about by public fields, and the rest is for those who see internal ones
    assert records.get(given, TICKET, held.id)["topic"] == at.topic.id
    assert records.count(given, CONTACT).value == 0
    clerk = at.person("clerk", "*.view@department", "*.see_internal")
    assert records.count(clerk, CONTACT).value == 0
    at.queue("Parks", clerk)
    assert records.count(clerk, TICKET).value == 0
    with pytest.raises(TownhallError):
        records.find(at.person("nobody", "core.contact.view"), TICKET)


def test_who_is_asked_about_a_case_does_not_decide_it(town: Town, at: Departments) -> None:
    """A reviewer works on what names them and only reads what that is about, whatever they may do with their own."""
    verbs = ("view", "see_internal", "edit", "transition.*", "archive", "see_confidential", "export")
    unscoped = {"see_internal"}
    held = {f"*.{verb}" if verb in unscoped else f"*.{verb}@assigned" for verb in verbs}
    rea = at.person("rea", *held)
    case = at.ticket("Look at it", secret="a feud")
    visit = {"name": "Visit", "starts": town.clock.now(), "about": Reference(TICKET, case.id)}
    event = town.records.create(SYSTEM, "core.event", {**visit, "team": [{"person": rea.id}]})
    town.records.update(rea, "core.event", event.id, {"name": "My visit"}, version=1)
    assert town.records.get(rea, TICKET, case.id)["summary"] == "Look at it"
    assert [each.id for each in town.records.find(rea, TICKET, verb="export").records] == [case.id]
    assert town.records.transitions(rea, case) == []
    for deed in (
        lambda: town.records.update(rea, TICKET, case.id, {"summary": "Mine now"}, version=1),
        lambda: town.records.transition(rea, TICKET, case.id, "finish", {"outcome": "No"}, version=1),
        lambda: town.records.archive(rea, TICKET, case.id, version=1),
        lambda: town.records.reveal(rea, TICKET, case.id, "secret", "curious"),
        lambda: town.records.share(rea, TICKET, case.id, at.water, "work"),
    ):
        with pytest.raises(Forbidden):
            deed()
    town.records.update(SYSTEM, TICKET, case.id, {"assignee": rea.id}, version=1)
    assert town.records.update(rea, TICKET, case.id, {"summary": "Mine now"}, version=2).version == 3


def test_the_second_line_of_a_hit_names_nobody_who_is_not_seen(town: Town, at: Departments) -> None:
    """What a search or a lookup says beside a title tells no name of a contact that somebody may not know of."""
    case = at.ticket("Look at it", watchers=[make_contact(town, "Halinski").id])
    (hit,) = town.records.search(SYSTEM, "look")[0]
    assert "Halinski" in hit.note
    given = at.person("given", "desk.*.view@assigned", "*.see_internal")
    town.records.update(SYSTEM, TICKET, case.id, {"assignee": given.id}, version=1)
    (hit,) = town.records.search(given, "look")[0]
    assert (hit.id, hit.note) == (case.id, "")
    assert "Halinski" not in repr(town.records.lookup(given, TICKET, "Pot"))


def test_giving_a_case_away(town: Town, at: Departments) -> None:
    """Who gives their case to another team doesn't see it afterwards, and is told no more than that it went."""
    gone = town.records.update(at.ann, TICKET, at.ours.id, {"queue": at.water}, version=1)
    assert (gone.id, gone.hidden >= {"reporter", "place"}) == (at.ours.id, True)
    assert town.records.count(at.ann, TICKET).value == 0
    assert town.records.get(at.bob, TICKET, at.ours.id).queue == at.water


def test_fields_by_name(town: Town, at: Departments) -> None:
    """Without internal fields only public ones come back, and those named; nothing else can be searched or asked."""
    records = town.records
    ada = at.person("ada", "desk.ticket.view@assigned", "desk.ticket.see.place", "desk.topic.view")
    note = "Gate code 4711"
    job = at.ticket("Fill it", details=note, code="K1", assignee=ada.id, secret="x", lines=[{"what": "Tar"}])
    records.update(SYSTEM, TICKET, job.id, {"details": f"{note}."}, version=1, note="Angry caller")
    seen = records.get(ada, TICKET, job.id)
    assert set(seen.values) == {"topic", "summary", "outcome", "place"}
    assert (seen.assignee, seen.masked) == (ada.id, frozenset())
    assert records.search(ada, "4711")[0] == []
    assert [hit.id for hit in records.search(ada, "fill")[0]] == [job.id]
    with pytest.raises(TownhallError):
        records.find(ada, TICKET, {"details": {"contains": "4711"}})
    assert "4711" not in repr(records.history(ada, TICKET, job.id))
    assert "Angry" not in repr(records.history(ada, TICKET, job.id))
    told = repr(records.timeline(ada, TICKET, job.id))
    assert "4711" not in told
    assert "Angry" not in told


@pytest.mark.parametrize("much", [False, True])
def test_contacts_of_a_department_follow_its_cases(
    town: Town, at: Departments, much: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a scope finds little or much, and so keeps it, a change of anybody's counts at once, for each person."""
    monkeypatch.setattr(gathering, "_FEW", 0 if much else 200)
    monkeypatch.setattr(gathering, "COMMON", 0)
    monkeypatch.setattr(gathering, "_MOST_TABLES", 2)
    monkeypatch.setattr(pages, "COMMON", 0)
    narrow = frozenset({"*.view@department", "*.see_internal"})
    actors = [replace(each, permissions=narrow, known={}) for each in (at.ann, at.bob)]
    third = at.person("cem", *narrow)
    people_of = {name: make_contact(town, name) for name in ("Abel", "Babic", "Cohen", "Dahl")}
    queues = [at.streets, at.water]

    def seen(actor: Actor) -> list[str]:
        fresh = replace(actor, known={})
        found = town.records.find(fresh, CONTACT, sort="title").records
        assert town.records.count(fresh, CONTACT).value == len(found)
        back = town.records.find(fresh, CONTACT, sort="-title").records
        assert [each.id for each in back] == [each.id for each in found][::-1]
        paged, after = list[int](), ""
        while not paged or after:
            page = town.records.find(fresh, CONTACT, sort="title", limit=2, after=after)
            paged, after = [*paged, *(each.id for each in page.records), 0], page.after
        assert [id for id in paged if id] == [each.id for each in found]
        everybody = town.records.find(SYSTEM, CONTACT).records
        assert {each.id for each in everybody if opens(town, actor, each)} == {each.id for each in found}
        return [each["family_name"] for each in found]

    assert [seen(each) for each in (*actors, third)] == [["Moreau"], ["Moreau"], []]
    made = [at.ticket(f"For {name}", reporter=each.id, queue=queues[0]) for name, each in people_of.items()]
    for _ in range(2):
        assert [seen(each) for each in (*actors, third)] == [[*people_of, "Moreau"], ["Moreau"], []]
    town.records.update(SYSTEM, TICKET, made[0].id, {"queue": at.water}, version=made[0].version)
    assert [seen(each) for each in actors] == [["Babic", "Cohen", "Dahl", "Moreau"], ["Abel", "Moreau"]]

    def undone() -> None:
        with immediate(town.database):
            town.records.update(SYSTEM, TICKET, made[1].id, {"queue": at.water}, version=made[1].version)
            assert seen(actors[0]) == ["Cohen", "Dahl", "Moreau"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    assert [seen(each) for each in actors] == [["Babic", "Cohen", "Dahl", "Moreau"], ["Abel", "Moreau"]]
    team = town.records.get(SYSTEM, "core.queue", at.water)
    town.records.update(SYSTEM, "core.queue", at.water, {"members": [{"person": third.id}]}, version=team.version)
    assert [seen(each) for each in (*actors, third)] == [["Babic", "Cohen", "Dahl", "Moreau"], [], ["Abel", "Moreau"]]
    eve = make_contact(town, "Eder").id
    watched = at.ticket("Watched", watchers=[eve, people_of["Abel"].id], queue=at.streets)
    assert [seen(each) for each in (actors[0], third)] == [
        ["Abel", "Babic", "Cohen", "Dahl", "Eder", "Moreau"],
        ["Abel", "Moreau"],
    ]
    before = town.database.state()
    assert seen(actors[0])[:2] == ["Abel", "Babic"]
    assert town.database.state() == before, "what is kept beside the database is no change of it"
    town.records.archive(SYSTEM, TICKET, watched.id, version=watched.version)
    assert seen(actors[0]) == ["Babic", "Cohen", "Dahl", "Moreau"]
    if much and town.database.engine == "sqlite":
        kept = town.database.execute_sql("SELECT name FROM temp.sqlite_master WHERE type = 'table'").fetchall()
        assert 0 < len([name for (name,) in kept if name.startswith("scope_")]) <= 2


def opens(town: Town, actor: Actor, record: Record) -> bool:
    """Whether somebody may open a record, when nothing is known of them yet."""
    try:
        return town.records.get(replace(actor, known={}), record.identity, record.id).id == record.id
    except NotFound:
        return False


@pytest.mark.parametrize("engine", ["sqlite"])  # PostgreSQL can't tell that nothing changed
@pytest.mark.parametrize("many", [False, True])
def test_a_list_asked_again_does_not_look_for_its_records_again(
    town: Town, at: Departments, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nobody changes anything, a page of contacts of one's cases and their number are told by what was found."""
    monkeypatch.setattr(gathering, "_FEW", 0)
    monkeypatch.setattr(gathering, "COMMON", 0 if many else 2000)
    narrow = replace(at.ann, permissions=frozenset({"*.view@department", "*.see_internal"}), known={})

    def asked() -> tuple[list[int], int]:
        fresh = replace(narrow, known={})
        return [each.id for each in town.records.find(fresh, CONTACT).records], town.records.count(fresh, CONTACT).value

    first = asked()
    with statements(town) as sent:
        assert asked() == first == ([at.contact.id], 1)
    assert [each for each in sent if "temp." in each or "count(*)" in each] == []
    made = make_contact(town, "Abel")
    at.ticket("For Abel", reporter=made.id, queue=at.streets)
    assert asked() == ([made.id, at.contact.id], 2)


def test_to_open_one_record_not_all_are_looked_for(town: Town, at: Departments) -> None:
    """Whether somebody may open a contact is asked of that one, by its own links, until a list has found them all."""
    narrow = replace(at.ann, permissions=frozenset({"*.view@department", "*.see_internal"}), known={})
    stranger = make_contact(town, "Abel")
    at.ticket("For Eder", watchers=[(watcher := make_contact(town, "Eder")).id], queue=at.streets)
    with statements(town) as sent:
        assert [opens(town, narrow, each) for each in (at.contact, stranger, watcher)] == [True, False, True]
    assert [each for each in sent if "temp." in each or "DISTINCT" in each] == []
    assert town.records.count(narrow, CONTACT).value == 2
    assert [opens(town, narrow, each) for each in (at.contact, stranger, watcher)] == [True, False, True]


def test_what_is_set_up_for_all_is_not_looked_for_among_cases(town: Town, at: Departments) -> None:
    """Topics belong to every department, so the list of them asks nothing of cases; to see those of one's own does."""
    narrow = frozenset({"*.view@department", "*.see_internal"})
    for permissions, is_asked in ((narrow, False), (frozenset({"*.view@assigned", "*.see_internal"}), True)):
        actor = replace(at.ann, permissions=permissions, known={})
        with statements(town) as sent:
            found = town.records.find(actor, at.topic.identity).records
        assert any('"desk_ticket"' in each for each in sent) is is_asked
        assert [each.id for each in found] == ([] if is_asked else [at.topic.id])
    assert town.records.reaches(replace(at.ann, permissions=narrow, known={}), "view", at.topic)
