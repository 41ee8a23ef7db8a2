"""The list of a type: views, filters, sorting, paging, columns, saved views, export, and many records at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import add_person
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.errors import Withheld
from townhall.records.types import Record
from townhall.town import Town

TICKETS = "/admin/desk/ticket/"


@pytest.fixture
def tickets(town: Town, clock: FixedClock) -> dict[str, Record]:
    """A few tickets in two states, made a day apart."""
    roads, parks = make_topic(town), make_topic(town, "Trees", team="Parks")
    made = {}
    for summary, topic, values in (
        ("Deep hole", roads, {"visit_on": "2026-03-18", "refund": "12.50"}),
        ("Old oak", parks, {"kind": "question", "score": "3.5"}),
        ("=cmd()", roads, {"kind": "report"}),
    ):
        made[summary] = make_ticket(town, system(), topic, summary=summary, **values)
        clock.move(timedelta(days=1))
    done = made["Old oak"]
    town.records.transition(system(), "desk.ticket", done.id, "finish", {"outcome": "Cut"}, version=done.version)
    return made


@pytest.fixture
def clerk(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


def titles(response: object) -> list[str]:
    """What stands in the title column of a list, from top to bottom."""
    return re.findall(r'class="cell-title" href="[^"]+">([^<]*)<', response.text)  # type: ignore[attr-defined]


@contextmanager
def counted(town: Town) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    sent: list[str] = []
    real = town.database.execute_sql

    def execute(sql: str, *arguments: object, **options: object) -> object:
        sent.append(sql)
        return real(sql, *arguments, **options)

    town.database.execute_sql = execute
    try:
        yield sent
    finally:
        town.database.execute_sql = real


def test_filters_are_named_parameters_that_add_up(clerk: StaffClient, tickets: dict[str, Record]) -> None:
    """Each parameter narrows the list, values of one widen it, and every one is a chip that can be taken off."""
    assert len(titles(clerk.get(f"{TICKETS}?view=all"))) == 3
    assert titles(clerk.get(f"{TICKETS}?state=done")) == ["Trees: Old oak"]
    assert len(titles(clerk.get(f"{TICKETS}?state=done,new"))) == 3
    assert len(titles(clerk.get(f"{TICKETS}?state=done&state=new"))) == 3
    assert len(titles(clerk.get(f"{TICKETS}?state=open"))) == 2
    assert titles(clerk.get(f"{TICKETS}?kind=question")) == ["Trees: Old oak"]
    assert titles(clerk.get(f"{TICKETS}?visit_on.from=2026-03-01&visit_on.to=2026-03-31")) == ["Potholes: Deep hole"]
    assert titles(clerk.get(f"{TICKETS}?refund.from=12.50&refund.to=13")) == ["Potholes: Deep hole"]
    trees = tickets["Old oak"].values["topic"]
    assert titles(clerk.get(f"{TICKETS}?topic={trees}")) == ["Trees: Old oak"]
    assert titles(clerk.get(f"{TICKETS}?topic.name=tree")) == ["Trees: Old oak"]
    assert len(titles(clerk.get(f"{TICKETS}?created=last7"))) == 3
    assert titles(clerk.get(f"{TICKETS}?q=oak")) == ["Trees: Old oak"]
    page = clerk.get(f"{TICKETS}?kind=report&q=hole")
    assert titles(page) == ["Potholes: Deep hole"]
    words = main_of(page)
    assert "“hole” , remove" in words
    assert "Kind: report , remove" in words.lower().replace("kind: report", "Kind: report")


def test_what_cannot_be_understood_is_said_and_left_out(clerk: StaffClient, tickets: dict[str, Record]) -> None:
    """An unknown filter, choice, date, number, order or page is a sentence; the list is still there."""
    for query, sentence in (
        ("nothing=1", "“nothing” can't be used to filter this list"),
        ("kind=gone", "no such choice any more"),
        ("visit_on.from=soon", "“soon” is not a date"),
        ("refund.from=much", "“much” is not a number"),
        ("sort=nothing", ""),
        ("sort=lines", "can't be sorted"),
        ("after=rubbish", "can't be found"),
        ("id=x", "“Record number” can't be used to filter this list"),
        ("id=" + "9" * 40, "“Record number” can't be used to filter this list"),
        ("topic.id=x", "“Topic: record number” can't be used to filter this list"),
        ("reporter.merged_into=mor", "“Reporter: same as” can't be used to filter this list"),
        ("watchers=mor", "“Watchers” can't be used to filter this list"),
        ("answers.deep=4", "“answers.deep” can't be used to filter this list"),
        ("secret=a", "“secret” can't be used to filter this list"),
        ("figure=came_in~2026-01-01~2026-12-31~~topic.name~x", "can't be grouped by “topic.name”"),
    ):
        page = clerk.get(f"{TICKETS}?view=all&{query}")
        assert page.status_code == 200, query
        assert sentence in plain(page), query
        assert len(titles(page)) == 3, query


def test_a_list_keeps_to_one_record_by_its_id(clerk: StaffClient, tickets: dict[str, Record]) -> None:
    """Its own, or that of what it links to; one that nobody has is said."""
    hole = tickets["Deep hole"]
    page = clerk.get(f"{TICKETS}?id={hole.id}")
    assert titles(page) == ["Potholes: Deep hole"]
    assert "Record number: Potholes: Deep hole , remove" in main_of(page)
    assert len(titles(clerk.get(f"{TICKETS}?topic.id={hole['topic']}"))) == 2
    assert "It was left out" in plain(clerk.get(f"{TICKETS}?id=999999"))


def test_a_figure_of_a_group_that_there_is_not_is_an_empty_list(clerk: StaffClient, tickets: dict[str, Record]) -> None:
    """Whatever stands in an address where a group's id belongs, no record is in that group."""
    for by in ("topic", "queue", "assignee"):
        for value in ("x", "9" * 40):
            page = clerk.get(f"{TICKETS}?view=all&figure=came_in~2026-01-01~2026-12-31~~{by}~{value}")
            assert (page.status_code, titles(page)) == (200, []), (by, value)


def test_a_form_with_empty_controls_leads_to_a_short_address(clerk: StaffClient, tickets: dict[str, Record]) -> None:
    """What a form sends besides what was chosen is dropped, so that addresses can be read and shared."""
    response = clerk.get(f"{TICKETS}?view=all&q=&state=done&kind=&created=&columns=title&columns=state")
    assert response.status_code == 302
    assert response.headers["Location"] == f"{TICKETS}?view=all&state=done&columns=title%2Cstate"
    page = clerk.follow(response)
    assert titles(page) == ["Trees: Old oak"]


def test_headings_sort_and_say_so(clerk: StaffClient, tickets: dict[str, Record]) -> None:
    """A heading sorts by its column, a second time the other way, and tells readers with aria-sort."""
    up = clerk.get(f"{TICKETS}?view=all&columns=title,created&sort=title", follow_redirects=True)
    assert titles(up) == ["Potholes: =cmd()", "Potholes: Deep hole", "Trees: Old oak"]
    assert 'aria-sort="ascending"' in up.text
    down = clerk.get(f"{TICKETS}?view=all&columns=title,created&sort=-title", follow_redirects=True)
    assert titles(down) == titles(up)[::-1]
    assert 'aria-sort="descending"' in down.text


def test_pages_lead_forward_and_back(town: Town, clerk: StaffClient) -> None:
    """Fifty lines a page; the next page goes on after the last line and leads back to the first."""
    topic = make_topic(town)
    for index in range(60):
        make_ticket(town, system(), topic, summary=f"Hole {index:02}")
    first = clerk.get(f"{TICKETS}?view=all&sort=title")
    assert len(titles(first)) == 50
    following = re.search(r'href="([^"]+after=[^"]+)"', first.text)
    assert following is not None
    second = clerk.get(following.group(1).replace("&amp;", "&"))
    assert titles(second) == [f"Potholes: Hole {index}" for index in range(50, 60)]
    back = re.search(r'href="([^"]+before=[^"]+)"', second.text)
    assert back is not None
    assert titles(clerk.get(back.group(1).replace("&amp;", "&"))) == titles(first)


def test_more_records_cost_no_more_statements(town: Town, clerk: StaffClient) -> None:
    """The statements behind a list don't grow with its lines, links and staff included."""
    topic, contact = make_topic(town), make_contact(town)
    url = f"{TICKETS}?view=all&columns=title,topic,reporter,watchers,lines,photos,assignee,state,due"

    def cost() -> int:
        clerk.get(url)
        with counted(town) as sent:
            clerk.get(url)
        return len(sent)

    values = {"reporter": contact.id, "watchers": [contact.id], "lines": [{"what": "Tar", "amount": "3"}]}
    make_ticket(town, system(), topic, **values)
    few = cost()
    for index in range(20):
        make_ticket(town, system(), topic, summary=f"Hole {index}", **values)
    assert cost() == few


def test_a_list_without_records_says_what_to_do(town: Town, clerk: StaffClient) -> None:
    """Empty lists explain themselves: none at all, none in this view, none that match."""
    empty = main_of(clerk.get(TICKETS))
    assert "No tickets yet" in empty
    assert "New ticket" in empty
    make_ticket(town, system(), make_topic(town))
    assert "Nothing matches this filter" in main_of(clerk.get(f"{TICKETS}?state=done"))
    assert "Clear the filters" in main_of(clerk.get(f"{TICKETS}?state=done"))
    assert "Nothing is archived" in main_of(clerk.get(f"{TICKETS}?archived=1&view=all"))


def test_a_view_is_saved_shared_and_deleted(town: Town, tickets: dict[str, Record]) -> None:
    """A saved view is a tab with its filters; colleagues see it only when it is shared."""
    app = create_app(town)
    clerk = staff_client(town, "clerk", app)
    add_person(town, "nora@milbrook.example", "viewer")
    nora = StaffClient(app, "nora@milbrook.example")
    form = clerk.get(f"{TICKETS}save-view?view=all&state=done&after=x")
    assert "Save as a view" in plain(form)
    assert clerk.post(f"{TICKETS}save-view", {"query": "state=done", "label": " "}).status_code == 422
    page = clerk.follow(clerk.post(f"{TICKETS}save-view", {"query": "view=all&state=done", "label": "Finished"}))
    assert titles(page) == ["Trees: Old oak"]
    assert "Finished" in main_of(page)
    assert "Finished" not in main_of(nora.get(TICKETS))
    shared = {"query": "view=all&state=done", "label": "Finished", "shared": "1"}
    address = clerk.post(f"{TICKETS}save-view", shared).headers["Location"]
    assert "Finished" in main_of(nora.get(TICKETS))
    id = address.rpartition("=")[2]
    assert nora.post(f"{TICKETS}delete-view/{id}", {}).status_code == 403
    assert clerk.get(f"{TICKETS}delete-view/{id}").status_code == 200
    assert "Finished" not in main_of(clerk.follow(clerk.post(f"{TICKETS}delete-view/{id}", {}))).replace(
        "The view “Finished” is deleted.", ""
    )


def test_a_shared_view_is_a_list_for_whoever_may_not_ask_all_of_it(town: Town, tickets: dict[str, Record]) -> None:
    """A filter by the names of records that a colleague may not see is left out and said, in the words of the list."""
    app = create_app(town)
    clerk = staff_client(town, "clerk", app)
    permissions = '["desk.*.view", "desk.*.see_internal"]'
    town.system.role.insert(name="peek", label="Peek", description="", permissions=permissions).execute()
    add_person(town, "peek@milbrook.example", "peek")
    peek = StaffClient(app, "peek@milbrook.example")
    make_ticket(
        town, system(), make_topic(town, "Lamps"), summary="Dark", reporter=make_contact(town).id, kind="question"
    )
    shared = {"query": "view=all&reporter=mor&kind=question", "label": "Of the Moreaus", "shared": "1"}
    address = clerk.post(f"{TICKETS}save-view", shared).headers["Location"]
    assert titles(clerk.get(address)) == ["Lamps: Dark"]
    for here in (address, f"{TICKETS}?view=all&kind=question&reporter=mor"):
        page = peek.get(here)
        assert page.status_code == 200
        assert sorted(titles(page)) == ["Lamps: Dark", "Trees: Old oak"]
        assert "“Reporter” can't be used to filter this list. It was left out." in plain(page)
        assert 'name="reporter"' not in page.text
    page = peek.get(f"{TICKETS}?view=all&reporter.family_name=mor")
    assert "“reporter.family_name” can't be used to filter this list. It was left out." in plain(page)


def test_whoever_may_not_ask_by_a_name_is_told_whose(town: Town) -> None:
    """The sentence calls the link as people know it, not the title behind it."""
    for permissions, said in (
        ({"desk.*.view", "desk.*.see_internal"}, "You may not see contacts, so you can't filter by them."),
        ({"desk.*.*", "core.contact.view"}, "You may not see “Reporter”, so you can't filter by it."),
    ):
        actor = Actor("staff", "Peek", 9, frozenset(permissions))
        with pytest.raises(Withheld, match=said):
            town.records.find(actor, "desk.ticket", {"reporter.title": {"contains": "mor"}})


def test_a_viewer_may_not_share_a_view(town: Town) -> None:
    """Sharing takes a permission; keeping a view for oneself does not."""
    viewer = staff_client(town, "viewer")
    refused = viewer.post(f"{TICKETS}save-view", {"query": "state=done", "label": "Mine", "shared": "1"})
    assert refused.status_code == 403
    assert viewer.post(f"{TICKETS}save-view", {"query": "state=done", "label": "Mine"}).status_code == 302


def test_an_export_holds_what_the_list_shows_and_no_formula(clerk: StaffClient, tickets: dict[str, Record]) -> None:
    """The CSV has the filtered records, in UTF-8 with its mark, and nothing that a spreadsheet would run."""
    response = clerk.get(f"{TICKETS}export.csv?view=all&kind=report")
    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    text = response.data.decode("utf-8-sig")
    lines = text.splitlines()
    assert lines[0].startswith("id,number,title,state,")
    assert len(lines) == 3
    assert "'=cmd()" in text
    assert "secret" not in lines[0].split(",")
    assert "Old oak" not in text


def test_many_records_are_moved_after_being_asked(town: Town, clerk: StaffClient, tickets: dict[str, Record]) -> None:
    """A bulk action says first what it will do, asks what it needs, and reports what was refused."""
    ids = [record.id for record in tickets.values()]
    listed = clerk.get(f"{TICKETS}?view=all")
    assert 'value="move:finish"' in listed.text
    nothing = clerk.get(f"{TICKETS}bulk?do=move:finish")
    assert nothing.status_code == 302
    asked = clerk.get(f"{TICKETS}bulk?do=move:finish&" + "&".join(f"pick={id}" for id in ids))
    assert "Finish: 3 tickets" in main_of(asked)
    assert [town.records.get(system(), "desk.ticket", id).state for id in ids] == ["new", "done", "new"]
    short = clerk.post(f"{TICKETS}bulk", {"do": "move:finish", "pick": ids})
    assert "needs your attention" in plain(short)
    done = clerk.post(f"{TICKETS}bulk", {"do": "move:finish", "pick": ids, "outcome": "All filled"})
    assert "1 record was not changed" in plain(done)
    assert "Old oak" in main_of(done)
    assert [town.records.get(system(), "desk.ticket", id).state for id in ids] == ["done", "done", "done"]


def test_many_records_are_given_archived_and_exported(
    town: Town, clerk: StaffClient, tickets: dict[str, Record]
) -> None:
    """Giving to oneself, archiving and exporting work on exactly the records that were picked."""
    ids = [record.id for record in tickets.values()]
    clerk.post(f"{TICKETS}bulk", {"do": "give:me", "pick": ids[:1]})
    assert town.records.get(system(), "desk.ticket", ids[0]).assignee is not None
    assert town.records.get(system(), "desk.ticket", ids[1]).assignee is None
    picked = clerk.follow(clerk.get(f"{TICKETS}bulk?do=export&pick={ids[1]}"))
    assert len(picked.data.decode("utf-8-sig").splitlines()) == 2
    clerk.post(f"{TICKETS}bulk", {"do": "archive", "pick": ids[1:]})
    assert len(titles(clerk.get(f"{TICKETS}?view=all"))) == 1
    assert len(titles(clerk.get(f"{TICKETS}?view=all&archived=1"))) == 2
    assert clerk.get(f"{TICKETS}bulk?do=nothing&pick=1").status_code == 404


def test_the_printed_list_has_no_menu(clerk: StaffClient, tickets: dict[str, Record]) -> None:
    """The list on paper shows the same lines under the town's name, without menu and boxes."""
    page = clerk.get(f"{TICKETS}print?view=all&state=done")
    assert "Old oak" in page.text
    assert "Deep hole" not in page.text
    assert "<nav" not in page.text
    assert 'name="pick"' not in page.text


def test_the_lookup_answers_for_links_only(town: Town, clerk: StaffClient) -> None:
    """A form's lookup finds records that a link may point at, and nothing for other fields."""
    make_contact(town, "Moreau")
    found = clerk.get(f"{TICKETS}lookup/reporter.json?q=more").get_json()
    assert "Moreau" in str(found)
    assert clerk.get(f"{TICKETS}lookup/summary.json?q=x").status_code == 404
