"""What the shipped modules tell people: the right words, to the right people, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.lifecycle import seeds
from townhall.messages import outbox
from townhall.records.types import Record
from townhall.testing.samples import Sampler
from townhall.town import Town

ROOT = Path(__file__).parent.parent.parent
REQUEST = "complaints.service_request"
CATEGORY = "complaints.category"
APPLICATION = "recruitment.application"
TEMPLATE = "core.message_template"


def person(town: Town, name: str = "Moreau", mail: str = "ada@example.org") -> int:
    """Somebody with an e-mail address."""
    values = {"kind": "person", "given_name": "Ada", "family_name": name, "emails": [{"address": mail}]}
    return town.records.create(system(), "core.contact", values).id


def sent(town: Town, record: Record) -> list[outbox.Message]:
    """What was queued about a record, the oldest first."""
    return list(reversed(outbox.find(town, about=(record.identity, record.id))))


@pytest.mark.parametrize("plugin", ["complaints", "grants", "recruitment", "economic_development"])
def test_every_module_brings_its_words(make_town: Callable[..., Town], plugin: str) -> None:
    """Switching a module on plants its templates, each of which can be filled in."""
    town = make_town(plugin)
    _, rows = seeds.read(ROOT / "plugins" / f"townhall_{plugin}" / "seeds" / "messages.toml")
    found = town.records.find(system(), TEMPLATE, limit=100).records
    assert {(each["type"], each["event"]) for each in found} == {(row["type"], row["event"]) for row in rows}


def test_a_town_keeps_its_own_words(make_town: Callable[..., Town]) -> None:
    """Where the town has a template, that of the module is not planted."""
    town = make_town("complaints")
    folder = ROOT / "plugins" / "townhall_complaints"
    template = town.records.find(system(), TEMPLATE, {"event": "resolved"}).records[0]
    town.records.update(system(), TEMPLATE, template.id, {"subject": "Ours"}, version=template.version)
    assert seeds.plant(town, "complaints", folder) == 0
    assert town.records.get(system(), TEMPLATE, template.id)["subject"] == "Ours"


@pytest.fixture
def lamp(make_town: Callable[..., Town]) -> tuple[Town, Record]:
    """A town with complaints, and its category of dumped rubbish."""
    town = make_town("complaints")
    return town, town.records.find(system(), CATEGORY, {"code": "dumped_rubbish"}).records[0]


def test_a_category_says_it_in_its_own_words(lamp: tuple[Town, Record], clerk: Actor) -> None:
    """A category's own message for an event goes before the town's template, with its subject."""
    town, category = lamp
    own = [{"event": "received", "text": "Dear {name},\n\nlights take 3 days. {message}"}]
    town.records.update(clerk, CATEGORY, category.id, {"messages": own}, version=category.version)
    values = {"category": category.id, "description": "Dark", "location": "1 Main St", "answers": {}}
    values["reporter"] = person(town)
    request = town.records.create(clerk, REQUEST, values)
    (message,) = sent(town, request)
    assert message.subject == "We have your request"
    assert message.body.startswith("Dear Ada Moreau,\n\nlights take 3 days.")
    wrong = [{"event": "received", "text": "By {assignee}"}]
    category = town.records.get(clerk, CATEGORY, category.id)
    with pytest.raises(ValidationFailed, match=r"\{assignee\} is not for the public"):
        town.records.update(clerk, CATEGORY, category.id, {"messages": wrong}, version=category.version)


def test_the_same_request_gets_the_same_words_whichever_way_it_came(lamp: tuple[Town, Record], clerk: Actor) -> None:
    """By telephone or on the website: same template, same text."""
    town, category = lamp
    values = {"category": category.id, "description": "Dark", "location": "1 Main St", "answers": {}}
    called = town.records.create(clerk, REQUEST, {**values, "reporter": person(town), "channel": "phone"})
    filled = town.records.create(
        ANONYMOUS, REQUEST, values, form="public", contact={"name": "Ada Moreau", "email": "ben@example.org"}
    )
    first, second = sent(town, called)[0], sent(town, filled)[0]
    assert first.subject == second.subject
    assert first.body.replace(called.number, "") == second.body.replace(filled.number, "")


def test_nobody_is_rejected_twice_or_with_an_offer(make_town: Callable[..., Town], clerk: Actor) -> None:
    """A rejection is told once for an application, early or late, and never while there is an offer."""
    town = make_town("recruitment")
    samples = Sampler(town)
    application = samples.record(APPLICATION, {"applicant": person(town)})

    def move(name: str, **values: object) -> None:
        version = town.records.get(clerk, APPLICATION, application.id).version
        town.records.transition(clerk, APPLICATION, application.id, name, values, version=version)

    for name in ("screen", "qualify", "refer", "invite"):
        move(name)
    offer = samples.record("recruitment.offer", {"application": application.id})
    move("offer")
    with pytest.raises(Rejected, match="They have an offer"):
        move("reject_after_interview", refuse_reason="other")
    town.records.transition(clerk, "recruitment.offer", offer.id, "decline", version=offer.version)
    move("reject_after_interview", refuse_reason="other")
    move("reopen")
    move("reject", refuse_reason="other")
    events = [message.event for message in sent(town, application)]
    assert events.count("rejected_after_interview") == 1
    assert "rejected" not in events


def test_a_grant_is_acknowledged_when_it_is_sent(make_town: Callable[..., Town], clerk: Actor) -> None:
    """A draft is no application yet: the acknowledgement goes when it is submitted."""
    town = make_town("grants")
    samples = Sampler(town)
    draft = samples.record("grants.application", {"applicant": person(town), "organisation_name": "Friends"})
    assert draft.state == "draft"
    assert sent(town, draft) == []
    town.records.transition(clerk, draft.identity, draft.id, "submit", version=draft.version)
    assert [message.event for message in sent(town, draft)] == ["received"]
