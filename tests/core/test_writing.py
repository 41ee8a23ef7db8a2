"""Creating, changing, archiving and restoring records."""

from __future__ import annotations

from datetime import date
from datetime import timedelta
from typing import Any

import pytest
from desk import CONTACT
from desk import ENTRY
from desk import TICKET
from desk import TOPIC
from desk import make_contact
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.town import Town


def counts(town: Town) -> dict[str, int]:
    """How many rows every table has that a write may touch."""
    tables = ["desk_ticket", "desk_ticket__lines", "history", "history_values", "case_transition", "search_entry"]
    return {name: town.database.execute_sql(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


# -- create -------------------------------------------------------------------------------------------------------


def test_new_record_comes_back_whole(town: Town, clerk: Actor) -> None:
    """A record that was created has number, title, state, due date, defaults and computed values at once."""
    lines = [{"what": "Asphalt", "amount": "12.50"}, {"what": "Work", "amount": "30"}]
    record = make_ticket(town, clerk, make_topic(town), lines=lines)
    assert record.number == "T-2026-0001"
    assert record.title == "Potholes: Deep hole"
    assert record.state == "new"
    assert record.version == 1
    assert record["kind"] == "report"
    assert record["team"] == "Roads"
    assert record["seen_at"] == town.clock.now()
    assert str(record["total"].amount) == "42.50"
    assert record.due is not None
    assert record.due.astimezone(town.zone).date() == town.today() + timedelta(days=5)
    assert town.records.get(clerk, TICKET, record.id) == record


def test_all_mistakes_are_told_at_once_and_nothing_is_kept(town: Town, clerk: Actor) -> None:
    """A refused record names every field with a mistake, and leaves no row, number, history or index entry."""
    topic = make_topic(town)
    before = counts(town)
    with pytest.raises(ValidationFailed) as refused:
        make_ticket(town, clerk, topic, summary="", refund="900", visit_on="soon", nonsense=1)
    assert {"summary", "refund", "visit_on", "nonsense"} <= refused.value.errors.keys()
    assert counts(town) == before
    assert make_ticket(town, clerk, topic).number == "T-2026-0001"


def test_unknown_field_is_named_with_a_guess(town: Town, clerk: Actor) -> None:
    """A field that isn't there is refused, with the name that was probably meant."""
    with pytest.raises(ValidationFailed) as refused:
        make_ticket(town, clerk, make_topic(town), sumary="x")
    assert "summary" in refused.value.errors["sumary"]


def test_unknown_type_is_a_sentence(town: Town, clerk: Actor) -> None:
    """A type that isn't there, say because its plugin is off, is not found."""
    with pytest.raises(NotFound, match=r"desk\.nothing"):
        town.records.create(clerk, "desk.nothing", {})


def test_viewer_may_not_create(town: Town, viewer: Actor) -> None:
    """Writing needs the permission of that name."""
    with pytest.raises(Forbidden):
        make_ticket(town, viewer, make_topic(town))


def test_clerk_may_not_choose_the_first_state(town: Town, clerk: Actor) -> None:
    """A new case starts in its initial state; another one can only be reached by a transition."""
    with pytest.raises(Rejected):
        town.records.create(clerk, TICKET, {"topic": make_topic(town).id, "summary": "x"}, state="done")


def test_links_must_lead_somewhere(town: Town, clerk: Actor) -> None:
    """A link to a record that isn't there is refused, in lists of links too."""
    topic = make_topic(town)
    contact = make_contact(town)
    with pytest.raises(ValidationFailed) as refused:
        make_ticket(town, clerk, topic, reporter=999, watchers=[contact.id, 998])
    assert set(refused.value.errors) == {"reporter", "watchers"}


def test_links_obey_their_condition(town: Town, clerk: Actor) -> None:
    """Only records that fulfil a link's ``where`` can be chosen; a choice made before stays."""
    topic = make_topic(town)
    record = make_ticket(town, clerk, topic)
    town.records.update(system(), TOPIC, topic.id, {"active": False}, version=1)
    with pytest.raises(ValidationFailed) as refused:
        make_ticket(town, clerk, topic)
    assert set(refused.value.errors) == {"topic"}
    changed = town.records.update(clerk, TICKET, record.id, {"summary": "Still"}, version=1)
    assert changed.title == "Potholes: Still"


def test_rows_links_and_answers_are_kept(town: Town, clerk: Actor) -> None:
    """What stands outside the record's own row comes back in order."""
    one, two = make_contact(town, "One"), make_contact(town, "Two")
    record = make_ticket(
        town,
        clerk,
        make_topic(town),
        watchers=[two.id, one.id],
        lines=[{"what": "b", "amount": "2"}, {"what": "a"}],
        answers={"deep": "12", "note": "wide too"},
    )
    assert record["watchers"] == (two.id, one.id)
    assert [row["what"] for row in record["lines"]] == ["b", "a"]
    assert record["answers"].values == {"deep": 12, "note": "wide too"}


def test_required_question_must_be_answered(town: Town, clerk: Actor) -> None:
    """The questions of the chosen topic have rules like fields."""
    with pytest.raises(ValidationFailed) as refused:
        make_ticket(town, clerk, make_topic(town), answers={"note": "?"})
    assert any(path.startswith("answers") for path in refused.value.errors)


def test_hidden_fields_are_cleared_when_the_schema_says_so(town: Town, clerk: Actor) -> None:
    """A value whose field is hidden by ``show_if`` goes away where ``when_hidden`` is clear."""
    record = make_ticket(town, clerk, make_topic(town), kind="question", refund="20")
    assert record["refund"] is None


# -- update -------------------------------------------------------------------------------------------------------


def test_update_changes_only_what_is_given(town: Town, clerk: Actor) -> None:
    """Fields that aren't named keep their values; version, title and computed values follow."""
    record = make_ticket(town, clerk, make_topic(town), lines=[{"what": "a", "amount": "1"}], score="1.125")
    changed = town.records.update(
        clerk, TICKET, record.id, {"summary": "Wide hole", "lines": [{"what": "b", "amount": "9"}]}, version=1
    )
    assert changed.version == 2
    assert changed.title == "Potholes: Wide hole"
    assert str(changed["total"].amount) == "9.00"
    assert changed["score"] == record["score"]
    assert [row["what"] for row in changed["lines"]] == ["b"]


def test_update_without_change_leaves_no_trace(town: Town, clerk: Actor) -> None:
    """Saving a form that nothing was changed in makes no new version and no history."""
    record = make_ticket(town, clerk, make_topic(town))
    before = counts(town)
    same = town.records.update(clerk, TICKET, record.id, {"summary": " Deep hole "}, version=1)
    assert same.version == 1
    assert counts(town) == before


def test_stale_version_is_a_conflict_that_shows_the_present(town: Town, clerk: Actor) -> None:
    """Whoever saves over a version that is gone learns so, and sees how the record stands now."""
    record = make_ticket(town, clerk, make_topic(town))
    town.records.update(clerk, TICKET, record.id, {"summary": "Mine"}, version=1)
    with pytest.raises(Conflict) as conflict:
        town.records.update(clerk, TICKET, record.id, {"summary": "Yours"}, version=1)
    assert conflict.value.current["summary"] == "Mine"
    assert conflict.value.current.version == 2


def test_assignee_must_work_here(town: Town, clerk: Actor) -> None:
    """A case is only given to somebody whose account is there and active."""
    record = make_ticket(town, clerk, make_topic(town))
    user = town.system.user
    user.insert(id=7, email="erin@milbrook.example", name="Erin", fs_uniquifier="a").execute()
    user.insert(id=9, email="gone@milbrook.example", name="Gone", fs_uniquifier="b", active=False).execute()
    given = town.records.update(clerk, TICKET, record.id, {"assignee": 7}, version=1)
    assert given.assignee == 7
    with pytest.raises(ValidationFailed) as refused:
        town.records.update(clerk, TICKET, record.id, {"assignee": 9}, version=2)
    assert "assignee" in refused.value.errors
    assert town.records.update(clerk, TICKET, record.id, {"assignee": ""}, version=2).assignee is None


def test_state_is_no_field_to_edit(town: Town, clerk: Actor) -> None:
    """State, number, created and the like are nobody's to change, the town's own actor and plugins included."""
    record = make_ticket(town, clerk, make_topic(town))
    plugin = Actor("plugin", "A vendor's hook", None, frozenset({"*"}))
    asked = {
        "state": ("done", "records.transition()"),
        "closed": ("2020-01-01T00:00", "records.transition()"),
        "archived": ("2020-01-01T00:00", "records.archive()"),
        "number": ("T-1", "Leave it out"),
        "title": ("Mine", "Leave it out"),
        "created": ("2020-01-01T00:00", "Leave it out"),
        "updated": ("2020-01-01T00:00", "Leave it out"),
        "id": (5, "Leave it out"),
    }
    for actor in (clerk, plugin, system()):
        for name, (value, instead) in asked.items():
            with pytest.raises(ValidationFailed) as refused:
                town.records.update(actor, TICKET, record.id, {"summary": "Changed", name: value}, version=1)
            assert set(refused.value.errors) == {name}
            assert instead in refused.value.errors[name]
    now = town.records.get(system(), TICKET, record.id)
    assert (now.state, now.closed, now.version, now["summary"]) == ("new", None, 1, "Deep hole")
    assert len(town.records.passed(clerk, TICKET, record.id)) == 1


def test_a_new_record_of_the_town_brings_what_an_import_may(town: Town) -> None:
    """The town's own actor says where a new case stands and since when, but not what Townhall keeps itself."""
    values = {
        "topic": make_topic(town).id,
        "summary": "Old lamp",
        "answers": {"deep": 4},
        "created": "2020-01-01T00:00",
    }
    record = town.records.create(system(), TICKET, values, state="done")
    assert (record.state, record.created.year) == ("done", 2020)
    for name in ("id", "title", "updated", "archived"):
        with pytest.raises(ValidationFailed) as refused:
            town.records.create(system(), TICKET, {**values, name: "2020-01-01T00:00"})
        assert set(refused.value.errors) == {name}


def test_append_only_records_are_never_changed(town: Town, clerk: Actor) -> None:
    """A ledger's entries are neither changed nor archived."""
    entry = town.records.create(clerk, ENTRY, {"memo": "Paid", "amount": "10"})
    with pytest.raises(Rejected):
        town.records.update(clerk, ENTRY, entry.id, {"memo": "Not paid"}, version=1)
    with pytest.raises(Rejected):
        town.records.archive(clerk, ENTRY, entry.id, version=1)


def test_titles_that_mention_a_record_follow_it(town: Town, clerk: Actor) -> None:
    """When a topic is renamed, the titles of its tickets and what search finds are renamed in the same breath."""
    topic = make_topic(town)
    record = make_ticket(town, clerk, topic)
    town.records.update(clerk, TOPIC, topic.id, {"name": "Craters"}, version=1)
    assert town.records.get(clerk, TICKET, record.id).title == "Craters: Deep hole"
    assert [hit.id for hit in town.records.search(clerk, "craters deep")[0]] == [record.id]
    assert town.records.search(clerk, "potholes deep")[0] == []


def test_records_found_by_a_name_follow_it(town: Town, clerk: Actor) -> None:
    """A record that is searched by the people it links to is found under their new names."""
    contact = make_contact(town, "Moreau")
    record = make_ticket(town, clerk, make_topic(town), watchers=[contact.id])
    town.records.update(clerk, CONTACT, contact.id, {"family_name": "Laurent"}, version=1)
    assert [hit.id for hit in town.records.search(clerk, "laurent", identities=[TICKET])[0]] == [record.id]
    assert town.records.search(clerk, "moreau", identities=[TICKET])[0] == []


# -- unique -------------------------------------------------------------------------------------------------------


def test_unique_values_do_not_repeat(town: Town, clerk: Actor) -> None:
    """A unique text may not repeat, whatever its case, among records that are not archived."""
    topic = make_topic(town)
    first = make_ticket(town, clerk, topic, code="ABC-1")
    with pytest.raises(ValidationFailed) as refused:
        make_ticket(town, clerk, topic, code="abc-1")
    assert set(refused.value.errors) == {"code"}
    town.records.archive(clerk, TICKET, first.id, version=1)
    second = make_ticket(town, clerk, topic, code="abc-1")
    with pytest.raises(ValidationFailed) as kept_out:
        town.records.restore(clerk, TICKET, first.id, version=2)
    assert set(kept_out.value.errors) == {"code"}
    assert town.records.update(clerk, TICKET, second.id, {"code": "Abc-1"}, version=1)["code"] == "Abc-1"


def test_unique_sets_say_their_message(town: Town, clerk: Actor) -> None:
    """Fields that are unique together are refused with the schema's own message; an empty one lets all pass."""
    topic = make_topic(town)
    make_ticket(town, clerk, topic, visit_on="2026-04-01")
    make_ticket(town, clerk, topic)
    make_ticket(town, clerk, topic)
    with pytest.raises(ValidationFailed, match="There is a visit for this topic"):
        make_ticket(town, clerk, topic, visit_on=date(2026, 4, 1))
    make_ticket(town, clerk, make_topic(town, "Lamps"), visit_on="2026-04-01")


# -- archive ------------------------------------------------------------------------------------------------------


def test_archived_records_leave_lists_and_come_back(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """Archiving takes a record out of lists and search and keeps it; it can't be edited until it is restored."""
    record = make_ticket(town, clerk, make_topic(town))
    archived = town.records.archive(clerk, TICKET, record.id, version=1, note="Entered twice")
    assert archived.archived == clock.now()
    assert town.records.find(clerk, TICKET).records == []
    assert town.records.search(clerk, "deep hole")[0] == []
    with pytest.raises(Rejected):
        town.records.update(clerk, TICKET, record.id, {"summary": "x"}, version=2)
    restored = town.records.restore(clerk, TICKET, record.id, version=2)
    assert restored.archived is None
    assert [hit.id for hit in town.records.search(clerk, "deep hole")[0]] == [record.id]


# -- confidential -------------------------------------------------------------------------------------------------


def test_confidential_fields_need_their_permission_to_write(town: Town, clerk: Actor) -> None:
    """Who may not see confidential values may not overwrite them either."""
    record = make_ticket(town, clerk, make_topic(town), secret="42")
    assert "secret" in record.masked
    junior = Actor("staff", "Jo", 9, frozenset({"*.view", "*.edit"}), door="admin")
    with pytest.raises(ValidationFailed) as refused:
        town.records.update(junior, TICKET, record.id, {"secret": "43"}, version=1)
    assert set(refused.value.errors) == {"secret"}
    kept = town.records.update(junior, TICKET, record.id, {"summary": "Other"}, version=1)
    assert "secret" in kept.hidden
    assert town.records.get(system(), TICKET, record.id)["secret"] == "42"


def test_revealing_is_written_down(town: Town, clerk: Actor, viewer: Actor) -> None:
    """A confidential value is shown for a reason, and the history says who looked and why."""
    record = make_ticket(town, clerk, make_topic(town), secret="42")
    assert town.records.reveal(clerk, TICKET, record.id, "secret", "Caller asked") == "42"
    with pytest.raises(Forbidden):
        town.records.reveal(viewer, TICKET, record.id, "secret", "Curious")
    with pytest.raises(ValidationFailed):
        town.records.reveal(clerk, TICKET, record.id, "secret", " ")
    last = town.records.history(clerk, TICKET, record.id)[-1]
    assert (last.action, last.actor, last.note) == ("reveal", "Erin Clerk", "Caller asked")


# -- the public ---------------------------------------------------------------------------------------------------


def send(town: Town, topic_id: int, contact: dict[str, str] | None = None, **values: Any) -> Any:
    """Send the public form."""
    given = {"topic": topic_id, "summary": "Hole", "answers": {"deep": 1}, **values}
    return town.records.create(ANONYMOUS, TICKET, given, form="public", contact=contact)


def test_public_form_makes_record_and_contact(town: Town, clerk: Actor) -> None:
    """Whoever fills in a public form gets a number, and becomes a contact the first time."""
    topic = make_topic(town)
    contact = {"name": "Amara Okafor", "email": "amara@example.org", "phone": "(212) 555-0142"}
    first = send(town, topic.id, contact)
    second = send(town, topic.id, {"name": "A. Okafor", "email": "AMARA@example.org"})
    assert first.number == "T-2026-0001"
    assert "reporter" not in first.values
    seen = [town.records.get(clerk, TICKET, record.id) for record in (first, second)]
    assert seen[0]["reporter"] == seen[1]["reporter"]
    assert seen[0].channel == "web"
    person = town.records.get(clerk, CONTACT, seen[0]["reporter"])
    assert person["given_name"] == "Amara"
    assert [row["address"] for row in person["emails"]] == ["amara@example.org"]


def test_two_contacts_with_one_phone_are_not_guessed_between(town: Town, clerk: Actor) -> None:
    """When an address or number fits several contacts a new one is made: nobody is taken for somebody else."""
    topic = make_topic(town)
    for name in ("One", "Two"):
        make_contact(town, name, phones=[{"number": "(212) 555-0142"}])
    record = send(town, topic.id, {"name": "Three", "phone": "212 555 0142"})
    whole = town.records.get(clerk, TICKET, record.id)
    assert town.records.get(clerk, CONTACT, whole["reporter"])["family_name"] == "Three"


def test_who_shares_a_mailbox_or_a_telephone_is_not_taken_for_somebody_else(town: Town, clerk: Actor) -> None:
    """A household's number counts only with the name and without a new address; of a shared mailbox the name says."""
    topic = make_topic(town)
    line, shared = [{"number": "(212) 555-0142"}], [{"address": "home@example.org"}]
    ada = make_contact(town, "Archer", given_name="Ada", phones=line, emails=shared).id
    ben = make_contact(town, "Archer", given_name="Ben", emails=shared).id

    def reporter(**contact: str) -> int:
        record = send(town, topic.id, contact)
        return int(town.records.get(clerk, TICKET, record.id)["reporter"])

    assert reporter(name="ADA  Archer", phone="212 555 0142") == ada
    carl = reporter(name="Carl Archer", phone="212 555 0142")
    assert carl not in (ada, ben)
    assert reporter(name="Carl Archer", phone="212 555 0142") == carl
    moved = reporter(name="Ada Archer", phone="212 555 0142", email="ada@example.net")
    assert moved not in (ada, ben, carl)
    assert [row["address"] for row in town.records.get(clerk, CONTACT, moved)["emails"]] == ["ada@example.net"]
    assert reporter(name="Ben Archer", email="home@example.org") == ben
    assert reporter(name="Dora Archer", email="home@example.org") not in (ada, ben, carl, moved)


def test_public_form_takes_only_its_fields(town: Town) -> None:
    """A field that the form doesn't ask for can't be slipped in, and without a form nothing can be made."""
    topic = make_topic(town)
    with pytest.raises(ValidationFailed) as refused:
        send(town, topic.id, open_to_all=True)
    assert set(refused.value.errors) == {"open_to_all"}
    with pytest.raises(Forbidden):
        town.records.create(ANONYMOUS, TICKET, {"topic": topic.id, "summary": "x"})
    with pytest.raises(Forbidden):
        town.records.create(ANONYMOUS, TOPIC, {"name": "Mine"})


def test_public_form_needs_a_way_that_is_right(town: Town) -> None:
    """A contact without a name or with a wrong address is told under the question's own name; nothing is kept."""
    topic = make_topic(town)
    with pytest.raises(ValidationFailed) as refused:
        send(town, topic.id, {"email": "nowhere"})
    assert set(refused.value.errors) == {"contact.name", "contact.email"}
    assert town.records.count(system(), TICKET).value == 0


def test_closed_form_says_so(town: Town) -> None:
    """When ``open_if`` doesn't hold for what is being sent, its message is shown."""
    topic = make_topic(town, active=False)
    with pytest.raises((Rejected, ValidationFailed)) as refused:
        send(town, topic.id)
    assert "closed" in str(refused.value) or "chosen" in str(refused.value)


def test_sender_may_correct_what_they_sent_for_a_while(town: Town, clerk: Actor) -> None:
    """With the link, the sender changes the form's fields while the state allows it, and nothing else."""
    record = send(town, make_topic(town).id)
    sender = citizen(frozenset({(TICKET, record.id)}))
    changed = town.records.update(sender, TICKET, record.id, {"summary": "Big hole"}, version=1)
    assert changed.version == 2
    with pytest.raises(ValidationFailed):
        town.records.update(sender, TICKET, record.id, {"outcome": "Nothing"}, version=2)
    town.records.transition(clerk, TICKET, record.id, "ask", version=2)
    with pytest.raises(Forbidden):
        town.records.update(sender, TICKET, record.id, {"summary": "Late"}, version=3)
    other = citizen(frozenset({(TICKET, record.id + 1)}))
    with pytest.raises((NotFound, Forbidden)):
        town.records.update(other, TICKET, record.id, {"summary": "Not mine"}, version=3)


def test_messages_come_and_go(town: Town, clerk: Actor) -> None:
    """A citizen with the link writes inbound, staff outbound; both are public interactions about the record."""
    record = send(town, make_topic(town).id, {"name": "Amara Okafor", "email": "amara@example.org"})
    sender = citizen(frozenset({(TICKET, record.id)}), "Amara Okafor")
    inbound = town.records.message(sender, TICKET, record.id, "It got worse.")
    outbound = town.records.message(clerk, TICKET, record.id, "We are on our way.")
    seen = [town.records.get(clerk, "core.interaction", one.id) for one in (inbound, outbound)]
    assert [one["direction"] for one in seen] == ["in", "out"]
    assert all(one["public"] and (one["about"].identity, one["about"].id) == (TICKET, record.id) for one in seen)
    assert seen[0]["contact"] is not None
    with pytest.raises(Forbidden):
        town.records.message(ANONYMOUS, TICKET, record.id, "Hello?")
