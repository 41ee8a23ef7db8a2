"""One record's pages: its form, its moves, who has it, notes, files, the archive and its history."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import hidden
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client
from werkzeug.test import TestResponse

from townhall.access.actors import system
from townhall.records.types import Record
from townhall.testing import pictures
from townhall.town import Town

TICKETS = "/admin/desk/ticket/"
TICKET = "desk.ticket"
#: What the form sends for the topic's questions.
ANSWERS = {"answers-asked": ["deep", "note"], "answers-deep": "4"}
PNG = pictures.png()


@pytest.fixture
def clerk(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


def now(town: Town, record: Record) -> Record:
    """The record as it stands now."""
    return town.records.get(system(), record.identity, record.id)


def sent(page: TestResponse, **values: object) -> dict[str, object]:
    """What a form's page would send: its hidden inputs, and ``values``."""
    form_id = re.search(r'name="form_id" value="([^"]+)"', page.text)
    version = re.search(r'name="version" value="([^"]+)"', page.text)
    found: dict[str, object] = {}
    if form_id is not None:
        found["form_id"] = form_id.group(1)
    if version is not None:
        found["version"] = version.group(1)
    return {**found, **values}


def test_a_new_record_is_made_by_its_form(town: Town, clerk: StaffClient) -> None:
    """The generated form has a sheet for each section, and saving leads to the record's page."""
    topic = make_topic(town)
    page = clerk.get(f"{TICKETS}new")
    assert page.status_code == 200
    values = {"topic": topic.id, "summary": "Deep hole", **ANSWERS, "kind": "report"}
    saved = clerk.follow(clerk.post(f"{TICKETS}new", sent(page, **values)))
    assert "T-2026-0001 is saved." in plain(saved)
    assert "Potholes: Deep hole" in main_of(saved)
    assert "How deep? 4" in main_of(saved)


def test_a_mistake_is_said_and_nothing_typed_is_lost(town: Town, clerk: StaffClient) -> None:
    """The form comes back with a summary that leads to each field, its title begins with “Error:”, words are kept."""
    topic = make_topic(town)
    page = clerk.get(f"{TICKETS}new")
    values = {
        "topic": topic.id,
        "summary": "",
        "details": "Long story",
        "kind": "report",
        "refund": "about ten",
    } | ANSWERS
    refused = clerk.post(f"{TICKETS}new", sent(page, **values))
    assert refused.status_code == 422
    assert "<title>Error:" in refused.text
    assert "Long story" in refused.text
    assert "about ten" in refused.text
    assert 'href="#field-refund"' in refused.text
    assert 'href="#field-summary"' in refused.text
    assert town.records.count(system(), TICKET).value == 0


def test_a_form_that_is_sent_twice_makes_one_record(town: Town, clerk: StaffClient) -> None:
    """An impatient second press leads to what the first one made."""
    topic = make_topic(town)
    values = sent(clerk.get(f"{TICKETS}new"), topic=topic.id, summary="Deep hole", **ANSWERS)
    first = clerk.post(f"{TICKETS}new", values)
    second = clerk.post(f"{TICKETS}new", values)
    assert second.headers["Location"] == first.headers["Location"]
    assert town.records.count(system(), TICKET).value == 1


def test_save_and_start_another_keeps_what_the_form_was_opened_with(town: Town, clerk: StaffClient) -> None:
    """After “Save and start another” the next form begins with the same contact."""
    topic, contact = make_topic(town), make_contact(town)
    url = f"{TICKETS}new?contact={contact.id}"
    values = {"topic": topic.id, "summary": "Deep hole", "reporter": contact.id, **ANSWERS, "then": "new"}
    response = clerk.post(url, sent(clerk.get(url), **values))
    assert response.headers["Location"] == url


def test_a_form_begins_with_what_it_is_opened_from(town: Town, clerk: StaffClient) -> None:
    """``?contact=`` fills in the contact, ``?from=`` the link or reference to that record, ``?field=`` a value."""
    topic, contact = make_topic(town), make_contact(town, "Moreau")
    page = clerk.get(f"{TICKETS}new?contact={contact.id}&from=desk.topic:{topic.id}&summary=Deep+hole")
    assert "Moreau" in main_of(page)
    assert "How deep?" in main_of(page)
    assert 'value="Deep hole"' in page.text
    assert clerk.get(f"{TICKETS}new?contact=999&from=no.such:1&from=desk.topic:x").status_code == 200


def test_two_people_who_change_the_same_record_see_both_versions(town: Town, clerk: StaffClient) -> None:
    """The later one is told what the other saved, keeps what they typed, and may save it over that."""
    record = make_ticket(town, system(), make_topic(town))
    url = f"{TICKETS}{record.id}/edit"
    page = clerk.get(url)
    town.records.update(system(), TICKET, record.id, {"details": "From Nora"}, version=record.version)
    values = {"topic": record.values["topic"], "summary": "Deep hole", **ANSWERS, "details": "From me"}
    conflict = clerk.post(url, sent(page, **values))
    assert conflict.status_code == 409
    words = main_of(conflict)
    assert "A colleague changed this while you were typing" in words
    assert "From Nora" in words
    assert "From me" in conflict.text
    assert now(town, record).values["details"] == "From Nora"
    clerk.post(url, sent(conflict, **values))
    assert now(town, record).values["details"] == "From me"


def test_an_old_form_undoes_nothing_that_it_was_not_touched_for(town: Town, clerk: StaffClient) -> None:
    """What a colleague changed and the later one left alone stays, and the page says so; photos of both are kept."""
    record = make_ticket(town, system(), make_topic(town), details="Wet", kind="report")
    url = f"{TICKETS}{record.id}/edit"
    page = clerk.get(url)
    typed = {"topic": record.values["topic"], "summary": "Deep hole", **ANSWERS}
    theirs = {"kind": "report", "summary": "Deeper hole", "details": "Wet", "photos": (io.BytesIO(PNG), "theirs.png")}
    assert clerk.post(url, sent(page, **(typed | theirs))).status_code == 302
    mine = {"details": "Bring the truck", "photos": (io.BytesIO(PNG), "mine.png")}
    conflict = clerk.post(url, sent(page, **typed, **mine))
    assert conflict.status_code == 409
    words = main_of(conflict)
    assert "Deeper hole You left this alone, so it stays as saved" in words
    assert "Kind Report –" in words, "what was taken out is not shown as what it was"
    again = sent(conflict, **typed, details="Bring the truck")
    again["summary"] = re.search(r'name="summary"[^>]* value="([^"]+)"', conflict.text)[1]  # type: ignore[index]
    again["photos-kept"] = re.findall(r'name="photos-kept" value="([^"]+)"', conflict.text)
    saved = clerk.post(url, again)
    assert saved.status_code == 302, main_of(saved)
    after = now(town, record).values
    assert (after["summary"], after["details"]) == ("Deeper hole", "Bring the truck")
    assert [file.filename for file in after["photos"]] == ["theirs.png", "mine.png"]


def test_who_saves_what_a_colleague_has_just_saved_is_not_asked(town: Town, clerk: StaffClient) -> None:
    """Two forms that say the same are no conflict."""
    record = make_ticket(town, system(), make_topic(town))
    url = f"{TICKETS}{record.id}/edit"
    page = clerk.get(url)
    town.records.update(system(), TICKET, record.id, {"details": "Wet"}, version=record.version)
    values = {"topic": record.values["topic"], "summary": "Deep hole", **ANSWERS, "details": "Wet", "kind": "report"}
    values["seen_at"] = re.search(r'name="seen_at"[^>]* value="([^"]+)"', page.text)[1]  # type: ignore[index]
    saved = clerk.post(url, sent(page, **values))
    assert saved.status_code == 302, main_of(saved)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [("2026-11-24T16:05:09.123456Z", "2026-11-24T11:05:09"), ("2026-11-01T06:30:00Z", "2026-11-01T01:30")],
    ids=["parts of a second", "second of two equal hours"],
)
def test_a_moment_stands_in_its_input_and_is_kept_exactly(
    town: Town, clerk: StaffClient, moment: str, shown: str
) -> None:
    """A browser shows nothing for what its input can't hold, and would take the moment out with the next save."""
    record = make_ticket(town, system(), make_topic(town), kind="report", seen_at=moment)
    url = f"{TICKETS}{record.id}/edit"
    page = clerk.get(url)
    assert re.search(r'name="seen_at"[^>]* value="([^"]+)"', page.text)[1] == shown  # type: ignore[index]
    values = {"topic": record.values["topic"], "summary": "Deeper", **ANSWERS, "kind": "report", "seen_at": shown}
    assert clerk.post(url, sent(page, **values)).status_code == 302
    after = now(town, record)
    assert (after.values["summary"], after.values["seen_at"]) == ("Deeper", record.values["seen_at"])


def test_an_old_page_of_a_move_undoes_nothing_that_it_was_not_touched_for(town: Town, clerk: StaffClient) -> None:
    """What a colleague filled in meanwhile stands in the page that asks again, and stays with the second press."""
    record = make_ticket(town, system(), make_topic(town), kind="report")
    url = f"{TICKETS}{record.id}/move/finish"
    page = clerk.get(url)
    town.records.update(system(), TICKET, record.id, {"refund": "50"}, version=record.version)
    asked = clerk.post(url, sent(page, outcome="Filled", refund=""))
    assert asked.status_code == 422
    shown = re.search(r'name="refund"[^>]* value="([^"]*)"', asked.text)[1]  # type: ignore[index]
    assert float(shown) == 50
    assert clerk.post(url, sent(asked, outcome="Filled", refund=shown)).status_code == 302
    after = now(town, record)
    assert (after.state, after.values["outcome"], after.values["refund"].minor) == ("done", "Filled", 5000)


def test_a_question_that_nobody_answered_is_not_answered_by_saving_the_form(town: Town, clerk: StaffClient) -> None:
    """A box of a kept record that was not ticked and is not says nothing; of other questions than before it says no."""
    asked = [
        {"code": "deep", "label": "How deep?", "type": "integer"},
        {"code": "wet", "label": "Wet?", "type": "boolean"},
    ]
    topic, other = make_topic(town, questions=asked), make_topic(town, "Floods", questions=asked)
    record = make_ticket(town, system(), topic)
    url = f"{TICKETS}{record.id}/edit"
    values = {"topic": topic.id, "summary": "Deeper", "answers-asked": ["deep", "wet"], "answers-deep": "4"}
    clerk.follow(clerk.post(url, sent(clerk.get(url), **values)))
    assert now(town, record).values["answers"] == record.values["answers"]
    clerk.follow(clerk.post(url, sent(clerk.get(url), **{**values, "answers-wet": "yes"})))
    assert now(town, record).values["answers"].values == {"deep": 4, "wet": True}
    clerk.follow(clerk.post(url, sent(clerk.get(url), **values)))
    assert now(town, record).values["answers"].values == {"deep": 4, "wet": False}
    elsewhere = make_ticket(town, system(), topic)
    url = f"{TICKETS}{elsewhere.id}/edit"
    clerk.follow(clerk.post(url, sent(clerk.get(url), **{**values, "topic": other.id})))
    assert now(town, elsewhere).values["answers"].values == {"deep": 4, "wet": False}


def test_a_form_of_a_record_that_was_archived_meanwhile_keeps_what_was_typed(town: Town, clerk: StaffClient) -> None:
    """It says so above the form, and once it is restored the same form saves; a form is not opened on one."""
    record = make_ticket(town, system(), make_topic(town))
    url = f"{TICKETS}{record.id}/edit"
    page = clerk.get(url)
    values = {"topic": record.values["topic"], "summary": "Deep hole", **ANSWERS, "details": "From me"}
    town.records.archive(system(), TICKET, record.id, version=record.version)
    assert clerk.get(url).status_code == 403
    refused = clerk.post(url, sent(page, **values))
    assert refused.status_code == 422
    assert "It is archived. Restore it first." in main_of(refused)
    assert "From me" in refused.text
    assert not now(town, record).values["details"]
    town.records.restore(system(), TICKET, record.id, version=now(town, record).version)
    conflict = clerk.post(url, sent(refused, **values))
    assert clerk.post(url, sent(conflict, **values)).status_code == 302
    assert now(town, record).values["details"] == "From me"


def test_an_old_form_changes_only_what_was_typed(town: Town, clerk: StaffClient) -> None:
    """Saving a form writes the fields that were changed in it, and leaves the others as they are."""
    record = make_ticket(town, system(), make_topic(town), details="Wet", secret="Diabetic", score="3.500")
    url = f"{TICKETS}{record.id}/edit"
    values = {"topic": record.values["topic"], "summary": "Deeper hole", **ANSWERS, "details": "Wet"}
    response = clerk.post(url, sent(clerk.get(url), score="3.500", **values))
    assert response.status_code == 302, main_of(response)
    after = town.records.get(system(), TICKET, record.id)
    assert after.values["summary"] == "Deeper hole"
    assert after.values["secret"] == "Diabetic"
    assert after.values["score"] == record.values["score"]


def test_a_confidential_value_is_typed_anew_and_never_shown_in_a_form(town: Town, clerk: StaffClient) -> None:
    """The form says that something is entered; what is typed replaces it, and a tick takes it out."""
    record = make_ticket(town, system(), make_topic(town), secret="Diabetic")
    url = f"{TICKETS}{record.id}/edit"
    form = clerk.get(url)
    assert "Something is entered and not shown" in main_of(form)
    for given in ("", "?reveal=1"):
        assert "Diabetic" not in clerk.get(f"{url}{given}").text
    values = {"topic": record.values["topic"], "summary": "Deep hole", **ANSWERS}
    for more, kept in (({"secret": ""}, "Diabetic"), ({"secret": "Asthma"}, "Asthma"), ({"remove": "secret"}, None)):
        response = clerk.post(url, sent(clerk.get(url), **values, **more))
        assert response.status_code == 302, main_of(response)
        assert now(town, record).values.get("secret") == kept


def test_a_move_without_questions_is_one_press(town: Town, clerk: StaffClient) -> None:
    """A move that asks nothing is a button on the record's page."""
    record = make_ticket(town, system(), make_topic(town))
    page = clerk.get(f"{TICKETS}{record.id}/")
    assert "Wait for answer" in main_of(page)
    assert "Finish…" in main_of(page)
    moved = clerk.follow(clerk.post(f"{TICKETS}{record.id}/move/ask", sent(page)))
    assert "It is now “Waiting”" in plain(moved)
    assert now(town, record).state == "waiting"


def test_a_move_asks_what_it_needs_and_writes_to_the_citizen(town: Town, clerk: StaffClient) -> None:
    """The move's page wants its required fields, and takes a message and a note along."""
    contact = make_contact(town)
    record = make_ticket(town, system(), make_topic(town), reporter=contact.id)
    url = f"{TICKETS}{record.id}/move/finish"
    page = clerk.get(url)
    assert "What was done" in main_of(page)
    assert "Message to" in main_of(page)
    refused = clerk.post(url, sent(page, outcome="", message="It is done"))
    assert refused.status_code == 422
    assert "It is done" in refused.text
    clerk.follow(clerk.post(url, sent(page, outcome="Filled", message="It is done", note="Used cold tar")))
    after = now(town, record)
    assert (after.state, after.values["outcome"]) == ("done", "Filled")
    talk, _, _ = town.records.timeline(system(), TICKET, record.id, kinds=["talk"])
    assert [(entry.body, entry.public) for entry in talk] == [("It is done", True)]
    assert "Used cold tar" in plain(clerk.get(f"{TICKETS}{record.id}/history"))


def test_a_move_that_is_over_is_said(town: Town, clerk: StaffClient) -> None:
    """A button on an old page, or a move that the state doesn't allow, changes nothing and says why."""
    record = make_ticket(town, system(), make_topic(town))
    page = clerk.get(f"{TICKETS}{record.id}/")
    town.records.update(system(), TICKET, record.id, {"details": "x"}, version=record.version)
    stale = clerk.follow(clerk.post(f"{TICKETS}{record.id}/move/ask", sent(page)))
    assert "A colleague changed this a moment ago" in plain(stale)
    assert now(town, record).state == "new"
    over = clerk.follow(clerk.get(f"{TICKETS}{record.id}/move/answer"))
    assert "can't be made any more" in plain(over)


def test_a_move_that_came_too_late_loses_no_word(town: Town, clerk: StaffClient) -> None:
    """What was typed for a move stays when the case moved on meanwhile, and can go along with another one."""
    record = make_ticket(town, system(), make_topic(town), reporter=make_contact(town).id)
    url = f"{TICKETS}{record.id}/move/"
    typed = {"outcome": "Filled", "message": "It is done", "note": "Used cold tar"}
    page = clerk.get(f"{url}finish")
    changed = town.records.update(system(), TICKET, record.id, {"details": "x"}, version=record.version)
    warned = clerk.post(f"{url}finish", sent(page, **typed))
    assert warned.status_code == 422
    assert "A colleague changed this a moment ago" in plain(warned)
    assert sent(warned)["version"] == str(changed.version)
    town.records.transition(system(), TICKET, record.id, "finish", {"outcome": "Other"}, version=changed.version)
    over = clerk.post(f"{url}finish", sent(warned, **typed))
    assert over.status_code == 409
    assert "can't be made any more" in plain(over)
    for words in typed.values():
        assert words in over.text
    assert 'formaction="reopen"' in over.text
    clerk.follow(clerk.post(f"{url}reopen", sent(over, **typed)))
    after = now(town, record)
    assert (after.state, after.values["outcome"]) == ("new", "Other")
    talk, _, _ = town.records.timeline(system(), TICKET, record.id, kinds=["talk"])
    assert [entry.body for entry in talk] == ["It is done"]


def test_a_case_is_given_and_gets_a_day(town: Town, clerk: StaffClient) -> None:
    """Who has a case and when it is due are changed together; a day that can't be read is said."""
    record = make_ticket(town, system(), make_topic(town))
    url = f"{TICKETS}{record.id}/give"
    page = clerk.get(url)
    person = re.search(r'<option value="(\d+)"[^>]*>Clerk', page.text)
    assert person is not None
    assert clerk.post(url, sent(page, assignee=person.group(1), due_day="soon", due_time="")).status_code == 422
    clerk.post(url, sent(page, assignee=person.group(1), due_day="2026-04-01", due_time="16:00"))
    after = now(town, record)
    assert after.assignee == int(person.group(1))
    assert after.due is not None
    assert after.due.astimezone(town.zone).isoformat() == "2026-04-01T16:00:00-04:00"


def test_only_one_of_two_gets_the_case_that_both_take(town: Town, clerk: StaffClient) -> None:
    """“Take it” on an old page says who was faster."""
    record = make_ticket(town, system(), make_topic(town))
    clerk.get("/admin/")
    other = staff_client(town, "administrator")
    take = {"take": "1", "next": "/admin/"}
    assert "It is yours now" in plain(other.follow(other.post(f"{TICKETS}{record.id}/give", take)))
    late = clerk.follow(clerk.post(f"{TICKETS}{record.id}/give", take))
    assert "Administrator has had it since " in plain(late)


def test_notes_stay_inside_and_messages_go_out(town: Town, clerk: StaffClient) -> None:
    """The box under the timeline keeps a note between colleagues, or sends a public message."""
    contact = make_contact(town)
    record = make_ticket(town, system(), make_topic(town), reporter=contact.id)
    base = f"{TICKETS}{record.id}/"
    page = clerk.get(base)
    clerk.post(f"{base}say", {"form_id": hidden(page, "form_id"), "text": "Ask the crew"})
    again = clerk.get(base)
    clerk.post(f"{base}say", {"form_id": hidden(again, "form_id"), "text": "We come on Monday", "send": "web"})
    clerk.post(f"{base}say", {"form_id": hidden(again, "form_id"), "text": "We come on Monday", "send": "web"})
    entries, _, _ = town.records.timeline(system(), TICKET, record.id, kinds=["talk", "note"])
    assert [(entry.kind, entry.public, entry.body) for entry in entries] == [
        ("talk", True, "We come on Monday"),
        ("note", False, "Ask the crew"),
    ]
    only = main_of(clerk.get(f"{base}?show=note"))
    assert "Ask the crew" in only
    assert "We come on Monday" not in only
    empty = clerk.post(f"{base}say", {"text": "  "})
    assert (empty.status_code, "Write the note first" in plain(empty)) == (422, True)


def test_an_archived_record_can_be_read_and_restored(town: Town, clerk: StaffClient) -> None:
    """Archiving asks first, freezes the record, and is undone with one press."""
    record = make_ticket(town, system(), make_topic(town))
    base = f"{TICKETS}{record.id}/"
    asked = clerk.get(f"{base}archive")
    assert "Archive “Potholes: Deep hole”?" in main_of(asked)
    frozen = clerk.follow(clerk.post(f"{base}archive", sent(asked, note="Sent twice")))
    assert "It can be read and not changed" in main_of(frozen)
    assert clerk.get(f"{base}edit").status_code == 403
    back = clerk.follow(clerk.post(f"{base}restore", sent(clerk.get(f"{base}restore"))))
    assert "It is back in the lists" in plain(back)
    assert now(town, record).archived is None


def test_append_only_records_have_no_way_to_be_changed(town: Town, clerk: StaffClient) -> None:
    """A type that only grows offers neither editing nor archiving."""
    entry = town.records.create(system(), "desk.entry", {"memo": "Stamp", "amount": "1"})
    base = f"/admin/desk/entry/{entry.id}/"
    page = main_of(clerk.get(base))
    assert "Edit" not in page
    assert "Archive" not in page
    assert clerk.get(f"{base}edit").status_code == 403
    assert clerk.get(f"{base}archive").status_code == 403


def test_files_are_given_to_staff_and_run_nothing(town: Town, clerk: StaffClient) -> None:
    """An uploaded photo is shown on the page; its address is sandboxed and closed to strangers."""
    topic = make_topic(town)
    values = sent(clerk.get(f"{TICKETS}new"), topic=topic.id, summary="Deep hole", **ANSWERS)
    photo = {"photos": (io.BytesIO(PNG), "hole.png")}
    page = clerk.follow(clerk.post(f"{TICKETS}new", {**values, **photo}, content_type="multipart/form-data"))
    assert "hole.png" in main_of(page)
    address = re.search(r'src="(/admin/files/\d+)"', page.text)
    assert address is not None
    response = clerk.get(address.group(1))
    assert response.data == PNG
    assert "sandbox" in response.headers["Content-Security-Policy"]
    response.close()
    assert clerk.http.application.test_client().get(address.group(1)).status_code == 302
    assert clerk.get("/admin/files/999").status_code == 404


def test_the_printed_record_has_everything_and_no_buttons(town: Town, clerk: StaffClient) -> None:
    """A record on paper shows facts, rows and what happened, under the town's name."""
    lines = [{"what": "Tar", "amount": "3"}]
    record = make_ticket(town, system(), make_topic(town), details="Wet", lines=lines, secret="Diabetic")
    page = clerk.get(f"{TICKETS}{record.id}/print")
    words = plain(page)
    for text in ("Milbrook", "T-2026-0001", "Wet", "Tar", "$3.00", "Ticket opened"):
        assert text in words, text
    assert "Diabetic" not in words
    assert "<form" not in page.text


def test_what_points_here_is_beside_the_record(town: Town, clerk: StaffClient) -> None:
    """A topic's page lists its tickets and offers to add one that points back at it."""
    topic = make_topic(town)
    make_ticket(town, system(), topic)
    page = clerk.get(f"/admin/desk/topic/{topic.id}/")
    assert "Potholes: Deep hole" in main_of(page)
    assert f"/admin/desk/ticket/new?from=desk.topic%3A{topic.id}" in page.text


def test_every_type_that_is_shipped_has_its_pages(make_town: Callable[..., Town]) -> None:
    """The list, the form for a new record and the empty states of all shipped types can be opened."""
    town = make_town("complaints", "grants", "economic_development", "recruitment")
    boss = staff_client(town, "administrator")
    for record_type in town.schemas.values():
        base = f"/admin/{record_type.plugin}/{record_type.name}/"
        for path in ("", "?view=all", "new", "print", "export.csv"):
            response = boss.get(base + path, follow_redirects=True)
            assert response.status_code == 200, base + path
