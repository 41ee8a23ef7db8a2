"""Messages of which somebody may not know leave no trace: in the outbox, its counts, letters, timelines, previews."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import add_person
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.accounts import people
from townhall.accounts import roles
from townhall.cases import notices
from townhall.db.transactions import immediate
from townhall.jobs import telling
from townhall.messages import letters
from townhall.messages import outbox
from townhall.records.types import Record
from townhall.town import Town

SYSTEM = system()
OUTBOX, LETTERS = "/admin/messages/outbox/", "/admin/messages/letters/"
TABS = ("attention", "waiting", "sent", "dropped")
TEMPLATE = "core.message_template"
#: Somebody who sees all records, writes to citizens and reads nothing internal.
PEEK = frozenset({"*.view", "core.interaction.create"})


class Departments:
    """Two departments, a clerk of the first, and in each a case of somebody."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.ann = add_person(town, "ann@milbrook.example", "department_clerk")
        self.topic = make_topic(town, questions=None)
        streets = self._queue("Streets", [{"person": self.ann}])
        self.ours, self.theirs = (
            make_ticket(
                town,
                SYSTEM,
                self.topic,
                answers=None,
                queue=queue,
                reporter=make_contact(town, name, given_name="Ada", emails=[{"address": f"{name}@post.example"}]).id,
            )
            for queue, name in ((streets, "Moreau"), (self._queue("Water", []), "Quill"))
        )

    def _queue(self, name: str, members: list[dict[str, int]]) -> int:
        return self.town.records.create(SYSTEM, "core.queue", {"name": name, "members": members}).id

    def message(
        self, case: Record, status: str, channel: str = "email", key: str = "", contact_id: int | None = None
    ) -> int:
        """A message about a case, to its reporter or somebody else, and what became of it; its id."""
        town = self.town
        contact = town.records.get(SYSTEM, "core.contact", contact_id or case["reporter"])
        address = contact["emails"][0]["address"]
        values: dict[str, Any] = {
            "identity": TICKET,
            "record_id": case.id,
            "number": case.number,
            "event": "done",
            "channel": channel,
            "contact_id": contact.id,
            "recipient": address if channel == "email" else f"1 Main St\n{contact['family_name']}ville",
            "name": contact.title,
            "subject": f"About {contact['family_name']}",
            "body": f"Dear {contact.title}",
            "status": status,
            "error": f"550 <{address}>: rejected" if status in ("dead", "failed", "dropped") else "",
            "sent_at": 1 if status == "sent" else None,
        }
        outbox.add(town, f"{case.id} {status} {channel} {key}", values)
        return outbox.find(town, limit=1)[0].id

    def every_kind(self, case: Record, contact_id: int | None = None) -> list[int]:
        """One message of each kind about a case."""
        key = str(contact_id)
        mails = ("dead", "failed", "sent", "dropped", "queued", "held")
        kinds = [*((status, "email") for status in mails), ("queued", "letter"), ("sent", "letter")]
        return [self.message(case, status, channel, key, contact_id) for status, channel in kinds]


@pytest.fixture
def at(town: Town) -> Departments:
    """The two departments."""
    return Departments(town)


@pytest.fixture
def ann(town: Town, at: Departments) -> StaffClient:
    """The clerk of the first."""
    return StaffClient(staff_client(town, "viewer").http.application, "ann@milbrook.example")


def somebody(town: Town, name: str, permissions: frozenset[str]) -> StaffClient:
    """Somebody with a role of just these permissions."""
    roles.create(town, SYSTEM, name.title(), like="viewer")
    roles.set_permissions(town, SYSTEM, name, permissions)
    return staff_client(town, name)


def pages(client: StaffClient) -> Iterator[str]:
    """The whole text of every page that tells of messages, its menu included."""
    for address in ("/admin/messages/", *(f"{OUTBOX}?show={tab}" for tab in TABS), LETTERS, f"{LETTERS}print"):
        answer = client.get(address)
        assert answer.status_code == 200, address
        yield re.sub(r"<input[^>]*>|nonce-?=?\"[^\"]+", "", answer.text)


def test_messages_about_hidden_cases_leave_no_trace(at: Departments, ann: StaffClient) -> None:
    """No line, name, address, error or count of another department's messages, in the menu neither."""
    at.every_kind(at.ours)
    before = [*pages(ann)]
    at.every_kind(at.theirs)
    assert [*pages(ann)] == before
    at.every_kind(at.theirs, at.ours["reporter"])
    assert [*pages(ann)] == before, "somebody whom she knows, about a case that is hidden"
    assert "Moreau@post.example: rejected" in before[1].replace("&gt;", "").replace("&lt;", "")
    assert "1 letter waits" in plain(ann.get(OUTBOX))


def test_messages_to_hidden_people_leave_no_trace(town: Town, at: Departments) -> None:
    """Who sees some contacts alone reads what went to these about cases that they see, and neither half suffices."""
    narrow = somebody(
        town, "narrow", ROLES["department_clerk"].permissions - {"core.contact.view", "core.contact.edit"}
    )
    (id,) = [each.id for each in people.everybody(town) if each.email == "narrow@milbrook.example"]
    queue = town.records.get(SYSTEM, "core.queue", at.ours["queue"])
    members = [{"person": at.ann}, {"person": id}]
    town.records.update(SYSTEM, queue.identity, queue.id, {"members": members}, version=queue.version)
    at.every_kind(at.ours)
    before = [*pages(narrow)]
    assert "About Moreau" in before[1]
    at.every_kind(at.ours, at.theirs["reporter"])
    assert [*pages(narrow)] == before, "somebody who is hidden, about a case that they see"
    at.every_kind(at.theirs, at.ours["reporter"])
    assert [*pages(narrow)] == before, "somebody whom they see, about a case that is hidden"


def test_all_messages_about_one_record_are_asked_for_by_who_sees_it(at: Departments, ann: StaffClient) -> None:
    """One that is hidden is answered like one that there isn't, for who looks after the outbox too."""
    at.every_kind(at.ours)
    at.every_kind(at.theirs)
    keeper = somebody(at.town, "keeper", ROLES["department_clerk"].permissions | {"messages.manage"})
    assert "About Moreau" in main_of(ann.get(f"{OUTBOX}?about={TICKET}:{at.ours.id}"))
    for client in (ann, keeper):
        for about in (f"{TICKET}:{at.theirs.id}", f"{TICKET}:987654", "no.such:1", "staff:1"):
            assert client.get(f"{OUTBOX}?about={about}").status_code == 404, about


def test_who_looks_after_the_outbox_stops_what_they_may_not_read(at: Departments) -> None:
    """Of a message about a hidden case stands how far it is, and nothing of whom or what; it can be kept back."""
    keeper = somebody(at.town, "keeper", ROLES["department_clerk"].permissions | {"messages.manage"})
    dead, letter = at.message(at.theirs, "dead"), at.message(at.theirs, "queued", "letter")
    page = keeper.get(OUTBOX)
    assert "You may not see this Not delivered Try again a message that you may not see Don't send" in main_of(page)
    assert "Need attention 1" in main_of(page)
    for told in ("Quill", "post.example", "rejected", at.theirs.number, "letter waits"):
        assert told not in page.text
    assert "Print instead" not in page.text
    refused = keeper.post(f"{OUTBOX}act", {"deed": "print", "id": dead})
    assert "You may not see what this message is about, so you can't print it." in main_of(keeper.follow(refused))
    for id in (dead, letter):
        keeper.post(f"{OUTBOX}act", {"deed": "drop", "id": id})
        assert outbox.get(at.town, id).status == "dropped"


def test_who_tries_a_hidden_message_again_is_told_nothing_of_whom_it_is_for(at: Departments) -> None:
    """That it can't go is said, and not why: that somebody died is the other department's to know."""
    keeper = somebody(at.town, "keeper", ROLES["department_clerk"].permissions | {"messages.manage"})
    told = []
    for case in (at.ours, at.theirs):
        contact = at.town.records.get(SYSTEM, "core.contact", case["reporter"])
        at.town.records.update(SYSTEM, "core.contact", contact.id, {"deceased": True}, version=contact.version)
        id = at.message(case, "dead")
        told.append(main_of(keeper.follow(keeper.post(f"{OUTBOX}act", {"deed": "retry", "id": id}))))
        assert outbox.get(at.town, id).status == "dropped"
    assert "It is not tried again. It can't go to whom it is for any more." in told[1]
    assert "died" not in told[1]


def test_nobody_learns_of_hidden_messages_by_their_ids(at: Departments, ann: StaffClient) -> None:
    """A deed on one that is hidden is answered like one on a message that there isn't, and does nothing."""
    mail, letter = at.message(at.theirs, "dead"), at.message(at.theirs, "queued", "letter")
    told = [main_of(ann.follow(ann.post(f"{OUTBOX}act", {"deed": "print", "id": id}))) for id in (mail, 987654)]
    assert "There is no such message in the outbox." in told[0]
    assert told[0] == told[1]
    for deed in ("posted", "drop"):
        ann.post(f"{LETTERS}posted", {"deed": deed, "id": letter})
    gone = main_of(ann.follow(ann.get(f"{LETTERS}print?id={letter}")))
    assert "None of the letters that you chose waits any more" in gone
    assert "No letters wait" in gone
    assert [outbox.get(at.town, id).status for id in (mail, letter)] == ["dead", "queued"]


def test_who_may_not_read_contacts_is_told_no_name_and_no_address(at: Departments) -> None:
    """A role that sees a case, and not who is behind it, sees neither the message nor the letter to them."""
    mine = [at.message(at.ours, status) for status in ("dead", "sent")] + [at.message(at.ours, "queued", "letter")]
    clerk = ROLES["clerk"].permissions
    without = {
        "peek": PEEK,
        "caseworker": clerk - {"*.see_internal"} | {f"{TICKET}.see_internal", f"{TICKET}.view"},
        "counter": frozenset({f"{TICKET}.view", f"{TICKET}.see_internal", *_verbs("core.interaction")}),
        "telephonist": frozenset({f"{TICKET}.view", *_verbs("core.contact"), *_verbs("core.interaction")}),
    }
    for name, permissions in without.items():
        client = somebody(at.town, name, permissions)
        for page in pages(client):
            for told in ("Moreau", "post.example", "1 Main St", "rejected", "1 letter waits"):
                assert told not in page, (name, told)
        assert "need attention" not in plain(client.get("/admin/"))
        client.post(f"{LETTERS}posted", {"deed": "posted", "id": mine[-1]})
    assert outbox.get(at.town, mine[-1]).status == "queued"
    assert "1 Main St" in main_of(staff_client(at.town, "clerk").get(f"{LETTERS}print"))


def _verbs(identity: str) -> Iterator[str]:
    return (f"{identity}.{verb}" for verb in ("view", "see_internal", "create"))


@pytest.mark.parametrize(
    ("status", "shown", "hidden"),
    [
        ("sent", "Sent today 12:00", " to Moreau@post.example"),
        ("dead", "Could not be delivered.", " 550 Moreau"),
        ("queued", "On its way", " to Moreau@post.example"),
    ],
)
def test_a_timeline_tells_where_a_message_went_to_who_knows(
    at: Departments, status: str, shown: str, hidden: str
) -> None:
    """Who reads how a contact is reached reads it there too; others only how far the message is."""
    town = at.town
    settings: Any = {"mail_host": "mail.milbrook.example"}
    town.settings = replace(town.settings, **settings)
    town.records.message(SYSTEM, TICKET, at.ours.id, "A crew comes.")
    message = outbox.find(town, about=(TICKET, at.ours.id))[0]
    outbox.mark(town, message.id, status, at=town.clock.now(), error="550 Moreau")
    permissions = frozenset({f"{TICKET}.view", f"{TICKET}.see_internal", *_verbs("core.interaction")})
    url = f"/admin/desk/ticket/{at.ours.id}/"
    told = main_of(somebody(town, "caseworker", permissions).get(url))
    assert shown in told
    assert "Moreau" not in told
    assert f"{shown}{hidden}" in main_of(staff_client(town, "clerk").get(url))


def test_a_notice_to_a_colleague_is_looked_after_like_any_mail(at: Departments) -> None:
    """Whoever looks after the outbox reads to whom, and why it failed; tries again, or stops it. It has no letter."""
    town = at.town
    settings: Any = {"mail_host": "mail.milbrook.example", "email": "hello@milbrook.example"}
    town.settings = replace(town.settings, public_address="https://milbrook.example", **settings)
    with immediate(town.database):
        notices.notify(town, [at.ann], at.theirs, "warn", "Its time is running out.")
    telling.run(town)
    (message,) = outbox.find(town)
    outbox.mark(town, message.id, "dead", at=town.clock.now(), error="550 No such user")
    chief = staff_client(town, "administrator")
    page = chief.get(OUTBOX)
    assert "Every message on its way, to residents and to colleagues." in main_of(page)
    assert "Notice to a colleague automatic, today 12:00" in main_of(page)
    assert "ann@milbrook.example" in main_of(page)
    assert "550 No such user Try again Notice to a colleague Don't send Notice to a colleague" in main_of(page)
    assert "Print instead" not in page.text
    assert at.theirs.number not in main_of(page)
    refused = chief.post(f"{OUTBOX}act", {"deed": "print", "id": message.id})
    assert "A notice to a colleague is not printed" in main_of(chief.follow(refused))
    chief.post(f"{OUTBOX}act", {"deed": "retry", "id": message.id})
    assert outbox.get(town, message.id).status == "queued"
    chief.post(f"{OUTBOX}act", {"deed": "drop", "id": message.id})
    assert outbox.get(town, message.id).status == "dropped"
    clerk = staff_client(town, "clerk")
    assert all("colleague" not in main_of(clerk.get(f"{OUTBOX}?show={tab}")) for tab in TABS)


def test_what_is_about_a_type_that_is_gone_can_be_stopped(at: Departments) -> None:
    """Its module was purged: nobody can say what it was about, and it need not stand there for ever."""
    id = at.message(at.ours, "dead")
    table = at.town.system.outbox
    table.update(identity="gone.case").where(table.id == id).execute()
    chief = staff_client(at.town, "administrator")
    assert "Don't send" in main_of(chief.get(OUTBOX))
    chief.post(f"{OUTBOX}act", {"deed": "drop", "id": id})
    assert "You may not see this Not sent" in main_of(chief.get(f"{OUTBOX}?show=dropped"))
    assert "Need attention" in main_of(staff_client(at.town, "clerk").get(OUTBOX))


def test_the_oldest_letters_come_first_and_the_rest_is_told(
    at: Departments, ann: StaffClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many newer ones of others wait, a clerk has her own, and the page says how many are not on it."""
    monkeypatch.setattr(letters, "MOST", 3)
    mine = [at.message(at.ours, "queued", "letter", key=f"mine {number}") for number in range(2)]
    for number in range(4):
        at.message(at.theirs, "queued", "letter", key=f"theirs {number}")
    page = ann.get(LETTERS)
    assert _chosen(page.text) == mine
    assert "Print all 2" in main_of(page)
    assert "more wait" not in main_of(page)
    clerk = staff_client(at.town, "clerk")
    page = clerk.get(LETTERS)
    assert _chosen(page.text) == [*mine, mine[-1] + 1]
    assert "These are the oldest 3. 3 more wait and come here as these are posted." in main_of(page)
    assert "Print the oldest 3" in main_of(page)
    paper = clerk.get(f"{LETTERS}print")
    assert "These are the oldest 3. 3 more wait: print them once these are posted." in main_of(paper)
    assert paper.text.count('<article class="letter"') == 3
    clerk.post(f"{LETTERS}posted", {"deed": "posted", "id": mine})
    assert "1 more waits and comes here" in main_of(clerk.get(LETTERS))
    unchosen = clerk.post(f"{LETTERS}posted", {"deed": "print"})
    assert "Choose the letters first." in main_of(clerk.follow(unchosen))


def _chosen(html: str) -> list[int]:
    return [int(id) for id in re.findall(r'name="id" value="(\d+)"', html)]


@pytest.fixture
def template(town: Town) -> Record:
    """Words of the town for a ticket that is done."""
    values = {"type": TICKET, "event": "done", "subject": "It is done", "body": "Dear {name}, bye."}
    return town.records.create(SYSTEM, TEMPLATE, values)


def test_who_may_not_read_templates_is_told_so(at: Departments, template: Record) -> None:
    """No subject and no way to a preview, whose address answers with a sentence."""
    peek = somebody(at.town, "peek", PEEK)
    overview = peek.get("/admin/messages/")
    assert "It is done" not in overview.text
    assert "/preview/" not in overview.text
    assert "You may not read what residents are told." in main_of(overview)
    refused = peek.get(f"/admin/messages/preview/{template.id}")
    assert refused.status_code == 403
    assert "You may not read what residents are told. Ask an administrator if you need to." in main_of(refused)
    assert "/preview/" not in peek.get(f"/admin/core/message_template/{template.id}/").text
    assert "It is done" in main_of(staff_client(at.town, "viewer").get(f"/admin/core/message_template/{template.id}/"))


def test_a_preview_names_nobody_to_who_may_not_know_them(at: Departments, template: Record) -> None:
    """A sample stands for the name of whoever the case is about; whoever reads contacts reads it."""
    url = f"/admin/messages/preview/{template.id}?number={at.ours.number}"
    peek = somebody(at.town, "peek", PEEK | {f"{TEMPLATE}.see_internal", f"{TICKET}.see_internal"})
    told = main_of(peek.get(url))
    assert "Dear (the name of the person who gets it), bye." in told
    assert "Moreau" not in told
    assert "Dear Ada Moreau, bye." in main_of(staff_client(at.town, "clerk").get(url))
