"""Which ways reach a citizen is said before anything is sent, only those can be chosen, and nothing typed is lost."""

from __future__ import annotations

import re
from datetime import date

import pytest
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import hidden
from staff_client import main_of
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.accounts import roles
from townhall.errors import Rejected
from townhall.messages import outbox
from townhall.records.types import Record
from townhall.town import Town

MAIL = {"emails": [{"address": "ada@example.org"}]}
POST = {"addresses": [{"address": "1 Main St"}]}
BOTH = {**MAIL, **POST}
INTERACTION = "core.interaction"


@pytest.fixture
def desk(town: Town) -> StaffClient:
    """A clerk at the counter."""
    return staff_client(town, "clerk")


def case_of(town: Town, **contact: object) -> Record:
    """A ticket of somebody."""
    topics = town.records.find(system(), "desk.topic").records
    reporter = make_contact(town, given_name="Ada", **contact)
    return make_ticket(town, system(), topics[0] if topics else make_topic(town), reporter=reporter.id)


def page_of(case: Record, rest: str = "") -> str:
    """The address of its page."""
    return f"/admin/desk/ticket/{case.id}/{rest}"


def offered(html: str) -> list[str]:
    """The ways that the box under the timeline offers."""
    return re.findall(r'type="radio" name="send" value="(\w*)"', html)


@pytest.mark.parametrize(
    ("contact", "ways", "said"),
    [
        (MAIL, ["", "email"], "Not as a letter: there is no postal address of theirs."),
        (POST, ["", "letter"], "Not by e-mail: there is no e-mail address of theirs."),
        (BOTH, ["", "email", "letter"], "Ada Moreau, by e-mail To ada@example.org."),
        ({**BOTH, "preferred_channel": "letter"}, ["", "letter", "email"], "Ada Moreau, as a letter To 1 Main St."),
        (
            {"emails": [{"address": "ada@example.org", "bounced": date(2026, 11, 2)}]},
            ["", "web"],
            "Not by e-mail: mail to their e-mail address came back.",
        ),
        ({}, ["", "web"], "Ada Moreau, on the status page only Nothing is sent."),
        ({**BOTH, "deceased": True}, ["", "web"], "Not by e-mail: the contact has died."),
        ({**MAIL, "do_not_contact": True}, ["", "email"], "They asked the town not to get in touch."),
    ],
)
def test_the_box_offers_what_reaches_them(
    town: Town, desk: StaffClient, contact: dict[str, object], ways: list[str], said: str
) -> None:
    """Each way that reaches the person, the usual one first, and why not the others."""
    page = desk.get(page_of(case_of(town, **contact)))
    assert offered(page.text) == ways
    assert said in main_of(page)
    assert ("Add an address" in main_of(page)) is (len(ways) < 3 and "deceased" not in contact)


def test_a_move_says_how_its_message_goes(town: Town, desk: StaffClient) -> None:
    """The page of a move says before which way the words take, and that of many how many they don't reach."""
    mailed, nowhere = case_of(town, **MAIL), case_of(town)
    for case, said in ((mailed, "It goes out by e-mail to ada@example.org."), (nowhere, "and is not sent.")):
        assert said in main_of(desk.get(page_of(case, "move/finish")))
    many = desk.get(f"/admin/desk/ticket/bulk?do=move:finish&pick={mailed.id}&pick={nowhere.id}")
    assert "It does not reach 1 of them in this way" in main_of(many)
    typed = {"do": "move:finish", "pick": str(mailed.id), "message": "All is well.", "form_id": ""}
    assert ">All is well.</textarea>" in desk.post("/admin/desk/ticket/bulk", typed).text


def test_the_chosen_way_is_taken(town: Town, clerk: Actor) -> None:
    """A letter to somebody who has an e-mail address too; the status page alone; and the town's own choice."""
    case = case_of(town, **BOTH)
    sent = [town.records.message(clerk, TICKET, case.id, "Hello", way=way) for way in ("letter", "web", "email", "")]
    assert [each["channel"] for each in sent] == ["letter", "web", "email", "email"]
    found = outbox.find(town, about=(TICKET, case.id))
    assert [(each.channel, each.recipient) for each in reversed(found)] == [
        ("letter", "1 Main St"),
        ("email", "ada@example.org"),
        ("email", "ada@example.org"),
    ]


def test_a_way_that_does_not_reach_them_writes_nothing(town: Town, clerk: Actor) -> None:
    """Who chose a letter for somebody without an address is told, and no message stands anywhere."""
    case = case_of(town, **MAIL)
    with pytest.raises(Rejected, match="There is no postal address of theirs"):
        town.records.message(clerk, TICKET, case.id, "Hello", way="letter")
    with pytest.raises(Rejected, match="There is no way “fax”"):
        town.records.message(clerk, TICKET, case.id, "Hello", way="fax")
    with pytest.raises(Rejected, match="Only messages about cases are sent"):
        town.records.message(clerk, "desk.topic", case["topic"], "Hello", way="email")
    assert not town.records.find(system(), INTERACTION).records
    assert outbox.find(town) == []


def test_what_was_typed_is_kept(town: Town, desk: StaffClient) -> None:
    """A message whose way went meanwhile, or one without words, comes back as it was typed, and can be sent again."""
    case = case_of(town, **BOTH)
    page = desk.get(page_of(case))
    contact = town.records.get(system(), "core.contact", case["reporter"])
    town.records.update(system(), "core.contact", contact.id, {"emails": []}, version=contact.version)
    sent = {"form_id": hidden(page, "form_id"), "text": "A crew comes on Monday.", "send": "email"}
    refused = desk.post(page_of(case, "say"), sent)
    assert refused.status_code == 422
    assert "There is no e-mail address of theirs. Nothing was sent." in main_of(refused)
    assert ">A crew comes on Monday.</textarea>" in refused.text
    assert "<title>Error: " in refused.text
    assert offered(refused.text) == ["", "letter"]
    again = desk.post(page_of(case, "say"), {**sent, "form_id": hidden(refused, "form_id"), "send": "letter"})
    assert "A letter waits to be printed." in main_of(desk.follow(again))
    empty = desk.post(page_of(case, "say"), {"text": " ", "send": "letter"})
    assert 'value="letter" checked' in empty.text


@pytest.mark.parametrize("way", ["nix", "citizen", "1"])
def test_a_form_that_names_no_way_sends_nothing(town: Town, desk: StaffClient, way: str) -> None:
    """What was meant for colleagues, or for nobody knows whom, never goes out by mail because a word was not known."""
    case = case_of(town, **BOTH)
    sent = {"form_id": hidden(desk.get(page_of(case)), "form_id"), "text": "Is he dangerous?", "send": way}
    refused = desk.post(page_of(case, "say"), sent)
    assert refused.status_code == 422
    assert f"There is no way “{way}” to send a message." in main_of(refused)
    assert ">Is he dangerous?</textarea>" in refused.text
    assert outbox.find(town) == []
    assert not town.records.find(system(), INTERACTION).records


def test_who_may_not_see_the_contact_is_told_nothing_of_it(town: Town) -> None:
    """Somebody who reads nothing internal of contacts keeps notes, and learns neither addresses nor what is missing."""
    wanted = (ROLES["clerk"].permissions - {"*.see_internal"}) | {f"{TICKET}.see_internal"}
    roles.create(town, system(), "Outsider", like="clerk")
    roles.set_permissions(town, system(), "outsider", wanted)
    case = case_of(town, **MAIL)
    page = staff_client(town, "outsider").get(page_of(case))
    assert offered(page.text) == []
    assert 'id="say-text"' in page.text
    assert "ada@example.org" not in page.text
    assert "postal address" not in main_of(page)


def test_a_case_that_names_nobody_says_so_and_leads_to_where_somebody_is_named(town: Town, desk: StaffClient) -> None:
    """What is written stands on the status page alone, says the page and says the move; one step helps, for who may."""
    case = make_ticket(town, system(), make_topic(town))
    page = desk.get(page_of(case))
    assert offered(page.text) == ["", "web"]
    assert "Whoever sent it, on the status page only" in main_of(page)
    assert "Nobody is named under “Reporter”, so nothing can be sent. Name a contact" in main_of(page)
    assert f'href="{page_of(case, "edit")}#field-reporter"' in page.text
    assert 'id="field-reporter"' in desk.get(page_of(case, "edit")).text
    assert "It stands on the status page, and is not sent. Nobody is named" in main_of(
        desk.get(page_of(case, "move/finish"))
    )
    sent = {"form_id": hidden(page, "form_id"), "text": "Who are you?", "send": "web"}
    assert "status page now. It was not sent." in main_of(desk.follow(desk.post(page_of(case, "say"), sent)))
    read, _, _ = town.records.timeline(citizen(frozenset({(TICKET, case.id)})), TICKET, case.id)
    assert any("Who are you?" in str(entry) for entry in read)
    roles.create(town, system(), "Talker", like="clerk")
    roles.set_permissions(town, system(), "talker", ROLES["clerk"].permissions - {"*.edit"})
    talker = staff_client(town, "talker").get(page_of(case))
    assert ("Nobody is named" in main_of(talker), "Name a contact" in main_of(talker)) == (True, False)


def test_only_who_gets_the_message_is_offered(town: Town, desk: StaffClient) -> None:
    """Others who watch a case are not written to, so no page says that they were."""
    watcher = make_contact(town, given_name="Will", **MAIL)
    case = make_ticket(town, system(), make_topic(town), watchers=[watcher.id])
    page = desk.get(page_of(case))
    assert offered(page.text) == ["", "web"]
    assert "Will Moreau, by e-mail" not in main_of(page)
