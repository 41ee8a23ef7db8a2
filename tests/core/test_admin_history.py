"""The pages of history: every change, a record as it was, compared, brought back; bulk actions undone; and audits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import peewee
import pytest
from click.testing import CliRunner
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import hidden
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.cli import main
from townhall.clock import FixedClock
from townhall.lifecycle import packing
from townhall.messages import outbox
from townhall.records import disclosing
from townhall.records import erasing
from townhall.records.types import Record
from townhall.town import Town

TICKETS = "/admin/desk/ticket/"
AUDIT = "/admin/history/"
MARKER = "Zanzibar"


@pytest.fixture
def clerk(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


@pytest.fixture
def ticket(town: Town) -> Record:
    """A ticket at version 3, with a confidential value."""
    record = make_ticket(town, system(), make_topic(town), secret=MARKER, lines=[{"what": "Tar", "amount": "3"}])
    town.records.update(system(), TICKET, record.id, {"summary": "Wide hole", "answers": {"deep": 7}}, version=1)
    return town.records.update(system(), TICKET, record.id, {"lines": [{"what": "Sand"}], "secret": "x"}, version=2)


def test_a_version_and_a_comparison(clerk: StaffClient, ticket: Record) -> None:
    """Every change links to the record as it was; two versions are a table of what is different."""
    page = clerk.get(f"{TICKETS}{ticket.id}/history")
    assert f'href="{TICKETS}{ticket.id}/version/1"' in page.text
    assert "Compare" in main_of(page)
    page = clerk.get(f"{TICKETS}{ticket.id}/version/1")
    told = main_of(page)
    for words in ("Version 1", "Deep hole", "How deep? 4", "Tar", "Bring this version back"):
        assert words in told, told
    assert MARKER not in page.text
    assert "/reveal/" not in page.text
    page = clerk.get(f"{TICKETS}{ticket.id}/compare?old=1&new=3")
    told = main_of(page)
    for words in ("Deep hole Wide hole", "How deep?: 4 How deep?: 7", "Secret confidential confidential", "Sand"):
        assert words in told, told
    assert MARKER not in page.text
    assert "Nothing is different" in main_of(clerk.get(f"{TICKETS}{ticket.id}/compare?old=2&new=2"))
    for bad in ("version/9", "version/x", "compare?old=9&new=1", "bring-back/9"):
        assert clerk.get(f"{TICKETS}{ticket.id}/{bad}").status_code == 404, bad


def test_bringing_a_version_back(clerk: StaffClient, ticket: Record, town: Town) -> None:
    """The page shows what will change and what stays; chosen fields become a new version; a stale page is told."""
    url = f"{TICKETS}{ticket.id}/bring-back/1"
    told = main_of(clerk.get(url))
    assert "Summary Wide hole Deep hole" in told
    assert "It is confidential. Change it by hand if you have to." in told
    version = hidden(clerk.get(url), "version")
    done = clerk.post(url, data={"version": version, "field": ["summary"], "note": "Wrong one"})
    assert done.location == f"{TICKETS}{ticket.id}/"
    now = town.records.get(system(), TICKET, ticket.id)
    assert (now["summary"], now["answers"].values, now.version) == ("Deep hole", {"deep": 7}, 4)
    stale = clerk.post(url, data={"version": version, "field": ["answers"]})
    assert stale.status_code == 422
    assert "A colleague changed this a moment ago" in main_of(stale)
    nothing = clerk.post(url, data={"version": "4"})
    assert nothing.status_code == 422
    assert "Choose at least one field" in main_of(nothing)


def test_what_rules_refuse_is_told_beside_the_field(clerk: StaffClient, town: Town, ticket: Record) -> None:
    """A value that can't come back, since another record has it now, is named; the rest can still be brought back."""
    town.records.update(system(), TICKET, ticket.id, {"code": "A1"}, version=3)
    town.records.update(system(), TICKET, ticket.id, {"code": None, "summary": "Now"}, version=4)
    make_ticket(town, system(), town.records.get(system(), "desk.topic", ticket["topic"]), code="A1")
    url = f"{TICKETS}{ticket.id}/bring-back/4"
    refused = clerk.post(url, data={"version": "5", "field": ["code", "summary"]})
    assert refused.status_code == 422
    assert 'id="oops-code"' in refused.text
    assert clerk.post(url, data={"version": "5", "field": ["summary"]}).status_code == 302


def test_who_may_not_edit_is_not_offered_it(town: Town, ticket: Record) -> None:
    """A viewer looks at versions, and is neither shown nor let through the way back."""
    viewer = staff_client(town, "viewer")
    page = viewer.get(f"{TICKETS}{ticket.id}/version/1")
    assert page.status_code == 200
    assert "bring-back" not in page.text
    assert viewer.get(f"{TICKETS}{ticket.id}/bring-back/1").status_code == 403


def test_erased_values_are_said_to_be_gone(clerk: StaffClient, town: Town, ticket: Record) -> None:
    """Where values were erased the pages say so, and show nothing that is not known."""
    first = town.records.history(system(), TICKET, ticket.id)[0]
    erasing.erase(town, system(), [first.id], "By rule")
    assert "The values are not kept any more" in main_of(clerk.get(f"{TICKETS}{ticket.id}/history"))
    assert clerk.get(f"{TICKETS}{ticket.id}/version/1").status_code == 200


def give(clerk: StaffClient, ids: list[int], **data: str) -> str:
    """Do one thing to many tickets; the address of the page that undoes it."""
    done = clerk.post(f"{TICKETS}bulk", data={"pick": [str(id) for id in ids], "back": TICKETS, **data})
    assert done.status_code == 302, main_of(done)
    page = clerk.get(TICKETS)
    found = page.text.partition(f'href="{TICKETS}undo/')[2].partition('"')[0]
    assert found, main_of(page)
    return f"{TICKETS}undo/{found}"


def test_a_bulk_action_is_undone_as_a_whole(clerk: StaffClient, town: Town, clock: FixedClock) -> None:
    """Each record becomes what it was, except those that somebody changed since, which are named with the reason."""
    topic = make_topic(town)
    ids = [make_ticket(town, system(), topic, summary=f"Hole {n}").id for n in range(3)]
    undo = give(clerk, ids, do="give:me")
    assert {town.records.get(system(), TICKET, id).assignee for id in ids} != {None}
    town.records.update(system(), TICKET, ids[1], {"summary": "Changed since"}, version=2)
    assert "Undo “Give to me”?" in main_of(clerk.get(undo))
    page = clerk.post(undo, {})
    told = main_of(page)
    assert "1 record was left as it is" in told
    assert "Somebody changed it since." in told
    assert "Give to me: undone for 2 of 3 records." in plain(page)
    assert [town.records.get(system(), TICKET, id).assignee is None for id in ids] == [True, False, True]
    last = town.records.history(system(), TICKET, ids[0])[-1]
    assert (last.action, last.note) == ("undo", "“Give to me” undone.")
    assert "It was undone for 2 of them." in main_of(clerk.get(undo))
    assert "3 records, undone for 2," in main_of(clerk.get(f"{TICKETS}undo"))
    assert "1 record was left as it is" in main_of(clerk.post(undo, {}))
    assert [town.records.get(system(), TICKET, id).version for id in ids] == [3, 3, 3]


def test_what_hindered_an_undo_can_go_away(clerk: StaffClient, town: Town) -> None:
    """An action of which something is left stays in the list, is tried again, and only then is undone for good."""
    topic = make_topic(town)
    ids = [make_ticket(town, system(), topic, code="A1").id, make_ticket(town, system(), topic).id]
    undo = give(clerk, ids, do="archive")
    other = make_ticket(town, system(), topic, code="A1")
    assert "1 record was left as it is" in main_of(clerk.post(undo, {}))
    assert [town.records.get(system(), TICKET, id).archived is None for id in ids] == [False, True]
    assert "This was undone" not in main_of(clerk.get(undo))
    town.records.update(system(), TICKET, other.id, {"code": "A2"}, version=1)
    assert clerk.post(undo, {}).location == TICKETS
    assert [town.records.get(system(), TICKET, id).archived for id in ids] == [None, None]
    assert "This was undone" in main_of(clerk.get(undo))


def test_undoing_that_broke_off_goes_on_where_it_was(clerk: StaffClient, town: Town, engine: str) -> None:
    """If the server stops in the middle, what is put back stays so, and the rest can still be undone the same way."""
    topic = make_topic(town)
    ids = [make_ticket(town, system(), topic, summary=f"Hole {n}").id for n in range(3)]
    undo = give(clerk, ids, do="give:me")
    with full_disk(town, ids[1]), suppress(peewee.DatabaseError):
        assert clerk.post(undo, {}).status_code == 500
    assert [town.records.get(system(), TICKET, id).assignee is None for id in ids] == [True, False, False]
    assert "Give to me" in main_of(clerk.get(f"{TICKETS}undo"))
    assert clerk.post(undo, {}).location == TICKETS
    assert [town.records.get(system(), TICKET, id).assignee is None for id in ids] == [True, True, True]
    assert [town.records.get(system(), TICKET, id).version for id in ids] == [3, 3, 3]
    assert "Nothing to undo" in main_of(clerk.get(f"{TICKETS}undo"))


@contextmanager
def full_disk(town: Town, id: int) -> Iterator[None]:
    """A database that takes nothing more about one record, as one whose disk is full."""
    if town.database.engine == "postgresql":
        town.database.execute_sql(f"ALTER TABLE history ADD CONSTRAINT full_disk CHECK (record_id <> {id}) NOT VALID")
        yield
        town.database.execute_sql("ALTER TABLE history DROP CONSTRAINT full_disk")
        return
    town.database.execute_sql(
        f"CREATE TRIGGER full_disk BEFORE INSERT ON history WHEN NEW.record_id = {id}"
        " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    yield
    town.database.execute_sql("DROP TRIGGER full_disk")


def test_archiving_and_moving_are_undone(clerk: StaffClient, town: Town) -> None:
    """What was archived is restored; a move is taken back, out of an incomplete state as well."""
    id = make_ticket(town, system(), make_topic(town)).id
    assert clerk.post(give(clerk, [id], do="archive"), {}).location == TICKETS
    assert town.records.get(system(), TICKET, id).archived is None
    assert clerk.post(give(clerk, [id], do="move:ask"), {}).location == TICKETS
    assert town.records.get(system(), TICKET, id).state == "new"
    town.records.transition(system(), TICKET, id, "draft_again", version=5)
    assert clerk.post(give(clerk, [id], do="move:send"), {}).location == TICKETS
    assert town.records.get(system(), TICKET, id).state == "draft"


def test_a_move_without_a_way_back_is_undone(clerk: StaffClient, town: Town, clock: FixedClock) -> None:
    """Each case is in its own state again with all that the move changed, and the log tells of both ways; citizens were
    told of the move, which the question says, and are not told of the undo.
    """
    topic, ada = make_topic(town), make_contact(town, emails=[{"address": "ada@example.org", "primary": True}])
    words = {"type": TICKET, "event": "done", "subject": "Done", "body": "It is done. {link}"}
    town.records.create(system(), "core.message_template", words)
    ids = [make_ticket(town, system(), topic, outcome=before).id for before in ("Looked at", None)]
    mailed = make_ticket(town, system(), topic, reporter=ada.id).id
    waiting = town.records.transition(system(), TICKET, ids[0], "ask", version=1)
    clock.move(timedelta(hours=1))
    undo = give(clerk, [*ids, mailed], do="move:finish", outcome="Filled", refund="3")
    town.records.transition(system(), TICKET, make_ticket(town, system(), topic, reporter=ada.id).id, "ask", version=1)
    sent = len(outbox.find(town))
    assert sent == 1
    told = main_of(clerk.get(undo))
    assert "in the state that it was in" in told
    assert "1 message to citizens came of it, sent or on the way: undoing takes none of that back." in told
    clock.move(timedelta(hours=1))
    assert clerk.post(undo, {}).location == TICKETS
    now = [town.records.get(system(), TICKET, id) for id in (*ids, mailed)]
    assert [(each.state, each.closed, each["outcome"], each["refund"]) for each in now] == [
        ("waiting", None, "Looked at", None), ("new", None, None, None), ("new", None, None, None),
    ]  # fmt: skip
    assert now[0].due == waiting.due
    last = town.records.history(system(), TICKET, ids[0])[-1]
    assert (last.action, last.note, last.changes["state"]) == ("undo", "“Finish” undone.", ("done", "waiting"))
    assert len(outbox.find(town)) == sent
    page = main_of(clerk.get(f"{TICKETS}{ids[0]}/"))
    assert "Moved back from Done to Waiting" in page
    assert "“Finish” undone." in page
    assert "Undone" in main_of(clerk.get(f"{TICKETS}{ids[0]}/history"))
    assert [state for state, _ in town.records.passed(system(), TICKET, ids[0])] == ["new", "waiting"]
    assert clerk.post(f"{TICKETS}{ids[0]}/move/answer", {"version": str(now[0].version)}).status_code == 302


def test_an_undone_reopening_leaves_a_case_closed_when_it_was(
    clerk: StaffClient, town: Town, clock: FixedClock
) -> None:
    """The day on which it was closed is the first one, not that of the undo."""
    id = make_ticket(town, system(), make_topic(town)).id
    closed = town.records.transition(system(), TICKET, id, "finish", {"outcome": "Filled"}, version=1).closed
    clock.move(timedelta(days=2))
    undo = give(clerk, [id], do="move:reopen")
    assert town.records.get(system(), TICKET, id).closed is None
    assert clerk.post(undo, {}).location == TICKETS
    record = town.records.get(system(), TICKET, id)
    assert (record.state, record.closed) == ("done", closed)


def test_who_may_not_make_a_move_any_more_can_not_undo_it(town: Town) -> None:
    """Taking back needs the permission of the move; the action stays to be undone by who holds it."""
    clerk, chief = staff_client(town), staff_client(town, "administrator")
    id = make_ticket(town, system(), make_topic(town)).id
    undo = give(clerk, [id], do="move:ask")
    people.set_role(town, system(), people.find(town, "clerk@milbrook.example").id, "viewer")
    assert "You may not move tickets." in main_of(clerk.post(undo, {}))
    assert town.records.get(system(), TICKET, id).state == "waiting"
    assert chief.post(undo, {}).location == TICKETS
    assert town.records.get(system(), TICKET, id).state == "new"


def test_undoing_has_an_end_and_an_owner(clerk: StaffClient, town: Town, clock: FixedClock) -> None:
    """A day later it is too late; another clerk may not; the list shows only what can be undone."""
    id = make_ticket(town, system(), make_topic(town)).id
    undo = give(clerk, [id], do="give:me")
    assert "Give to me" in main_of(clerk.get(f"{TICKETS}undo"))
    assert staff_client(town, "viewer").get(undo).status_code == 403
    clock.move(timedelta(hours=25))
    assert "can't be undone any more" in main_of(clerk.get(undo))
    assert clerk.post(undo, {}).status_code == 302
    assert town.records.get(system(), TICKET, id).assignee is not None
    assert "Nothing to undo" in main_of(clerk.get(f"{TICKETS}undo"))
    assert clerk.get(f"{TICKETS}undo/99").status_code == 404


def test_what_leaves_the_house_is_on_one_page(
    clerk: StaffClient, town: Town, ticket: Record, clock: FixedClock, tmp_path: Path
) -> None:
    """Looks at confidential values with their reason, exports, prints and packs: who, how many, no value."""
    clerk.post(f"{TICKETS}{ticket.id}/reveal/secret", data={"reason": "Caller asked for it"})
    clock.move(timedelta(days=1))
    assert clerk.get(f"{TICKETS}export.csv?view=all&kind=report&q=hole&summary=Wide").status_code == 200
    clerk.get(f"{TICKETS}print?view=all")
    clerk.get(f"{TICKETS}export.csv?view=all&pick={ticket.id}")
    packing.pack(town, system("cli"), "desk", tmp_path / "desk.zip")
    assert clerk.get(AUDIT).status_code == 403
    chief = staff_client(town, "administrator")
    page = chief.get(AUDIT)
    told = main_of(page)
    for words in (
        "Looked at Potholes: Wide hole Secret Caller asked for it",
        "Exported 1 Ticket Search, Kind: Report, Summary",
        "Exported 1 Ticket Selected",
        "Printed a list 1 Ticket",
        "Packed 1 Ticket",
    ):
        assert words in told, told
    assert "wide" not in told.lower().replace("potholes: wide hole", "")
    assert main_of(chief.get(f"{AUDIT}?what=reveal")).count("Looked at Potholes") == 1
    assert "Packed" not in main_of(chief.get(f"{AUDIT}?who=clerk")).replace("option", "").partition("Apply")[2]
    assert "Nothing here" in main_of(chief.get(f"{AUDIT}?who=Nobody"))
    assert "Looked at Potholes" not in main_of(chief.get(f"{AUDIT}?from=2026-03-18"))
    assert "Exported" not in main_of(chief.get(f"{AUDIT}?to=2026-03-17")).partition("Apply")[2]
    assert "is no date" in main_of(chief.get(f"{AUDIT}?from=never"))
    entries = town.system.history
    kept = [action for (action,) in entries.select(entries.action).where(entries.record_id == 0).tuples()]
    assert sorted(kept) == ["export", "export", "pack", "pack", "pack", "print"]


def test_who_asks_only_for_the_head_takes_nothing_along(
    town: Town, clerk: StaffClient, ticket: Record, clock: FixedClock
) -> None:
    """A HEAD of an export, a printed list, figures, letters or a feed is answered and leaves no trace; a GET does."""
    ada = make_contact(town, given_name="Ada", addresses=[{"address": "1 Main St"}])
    words = {"type": TICKET, "event": "received", "subject": "Hello", "body": "We have it. {link}"}
    town.records.create(system(), "core.message_template", words)
    make_ticket(
        town, Actor("staff", "Ed", 9, frozenset({"*"}), door="admin"), make_topic(town, "Trees"), reporter=ada.id
    )
    page = clerk.follow(clerk.post("/admin/calendar/feed", {}))
    feed = re.search(r"(/admin/calendar/feed/[\w-]+\.ics)", page.text)
    assert feed is not None
    for url in (
        f"{TICKETS}export.csv",
        f"{TICKETS}print",
        f"/admin/figures/csv?page=&table=ages&type={TICKET}&period=this_month",
        "/admin/messages/letters/print",
        feed[1],
    ):
        before = len(disclosing.listing(town, system()))
        head = clerk.http.head(url)
        assert (head.status_code, head.data) == (200, b""), url
        assert len(disclosing.listing(town, system())) == before, url
        assert clerk.get(url).status_code == 200, url
        assert len(disclosing.listing(town, system())) == before + 1, url


def test_figures_letters_and_feeds_are_exports_too(town: Town, clerk: StaffClient, clock: FixedClock) -> None:
    """What leaves as figures, as letters or into somebody's calendar is written down; a feed once a day."""
    about = {"reporter": make_contact(town, given_name="Ada", addresses=[{"address": "1 Main St"}]).id}
    words = {"type": TICKET, "event": "received", "subject": "Hello", "body": "We have it. {link}"}
    town.records.create(system(), "core.message_template", words)
    ticket = make_ticket(town, Actor("staff", "Ed", 9, frozenset({"*"}), door="admin"), make_topic(town), **about)
    table = clerk.get(f"/admin/figures/csv?page=&table=ages&type={TICKET}&period=this_month")
    assert (table.status_code, table.mimetype) == (200, "text/csv")
    assert "We have it" in clerk.get("/admin/messages/letters/print").text
    page = clerk.follow(clerk.post("/admin/calendar/feed", {}))
    found = re.search(r"(/admin/calendar/feed/[\w-]+\.ics)", page.text)
    assert found is not None
    for _ in range(3):
        assert clerk.get(found[1]).status_code == 200
    clock.move(timedelta(days=1))
    assert clerk.get(found[1]).status_code == 200
    told = [(each.action, each.identity, each.rows, each.filters[0]) for each in disclosing.listing(town, system())]
    feed = ("export", "core.event", 0, "Calendar feed of all types, first time that day")
    assert told == [
        feed,
        feed,
        ("print", TICKET, 1, "Letters"),
        ("export", TICKET, None, "Figures: How old what is open is"),
    ]
    assert ticket.number
    chief = staff_client(town, "administrator")
    assert "Figures: How old what is open is, 1 March to 17 March 2026" in main_of(chief.get(AUDIT))


def test_an_export_on_the_command_line_is_written_down(town: Town, ticket: Record) -> None:
    """Whoever exports on the server stands in the list as well, with how many records it were."""
    environ = {"TOWNHALL_DATABASE": str(town.database.database)} if town.database.engine == "postgresql" else {}
    command = ["--instance", str(town.instance), "export", TICKET, "--search", "hole"]
    done = CliRunner().invoke(main, command, env=environ, catch_exceptions=False)
    assert done.exit_code == 0
    (told,) = disclosing.listing(town, system())
    assert (told.action, told.door, told.identity, told.rows, told.filters) == ("export", "cli", TICKET, 1, ("Search",))
    assert told.actor.endswith("(command line)")


def test_a_seal_that_is_none_leaves_the_page_standing(town: Town) -> None:
    """Where somebody wrote nonsense into the chain, the page says so and shows its list."""
    nonsense = {"number": 1, "previous": "x", "at": 1, "entries": 1, "last_id": 1, "ranges": "x", "digest": "x"}
    town.system.history_seal.insert(**nonsense).execute()
    page = staff_client(town, "administrator").get(AUDIT)
    assert page.status_code == 200
    assert "Seal 1 was changed: it can't be read any more. Ask whoever runs the server" in main_of(page)
