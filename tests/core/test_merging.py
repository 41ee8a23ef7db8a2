"""Two records that stand for the same become one, whole or not at all, and can be taken apart again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from desk import CONTACT
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from keys_shown import shows

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.clock import FixedClock
from townhall.db.transactions import immediate
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.lifecycle import purging
from townhall.lifecycle import switching
from townhall.lifecycle import unpacking
from townhall.records import history
from townhall.records import owning
from townhall.records import sealing
from townhall.records import verifying
from townhall.records.types import Record
from townhall.records.types import RowOutcome
from townhall.town import Town
from townhall_forms.values import Reference

EVENT, INTERACTION = "core.event", "core.interaction"


def merge(
    town: Town, actor: Actor, kept: Record, other: Record, chosen: dict[str, str] | None = None, **more: Any
) -> Record:
    """Merge two contacts as they stand."""
    now = [town.records.get(system(), CONTACT, each.id) for each in (kept, other)]
    versions = (now[0].version, now[1].version)
    return town.records.merge(actor, CONTACT, kept.id, other.id, chosen, versions=versions, **more)


def now(town: Town, record: Record) -> Record:
    """A record as the town has it today."""
    return town.records.get(system(), record.identity, record.id)


def take_apart(town: Town, actor: Actor, other: Record) -> Any:
    """Take a merge apart."""
    return town.records.take_apart(actor, CONTACT, other.id, version=now(town, other).version)


def sound(town: Town) -> bool:
    """Whether history proves itself, once all of it is sealed."""
    sealing.seal(town)
    return verifying.verify(town).broken is None


@pytest.fixture
def ada(town: Town) -> Record:
    """Somebody who is there twice: the one that is kept."""
    return make_contact(
        town,
        "Archer",
        given_name="Ada",
        emails=[{"address": "ada@example.org", "primary": True}],
        phones=[{"number": "+15135550101"}],
        notes="Prefers letters.",
        tags=["resident"],
        born="1960-01-02",
    )


@pytest.fixture
def twin(town: Town) -> Record:
    """The other one."""
    return make_contact(
        town,
        "Archer-Lee",
        given_name="Ada",
        emails=[{"address": "ADA@example.org", "note": "Office"}, {"address": "lee@example.org", "primary": True}],
        phones=[{"number": "+15135550101", "label": "home"}, {"number": "+15135550102"}],
        addresses=[{"address": {"line1": "4 Mill Lane", "city": "Milbrook"}}],
        notes="Has a dog.",
        tags=["resident", "volunteer"],
        language="es",
        do_not_contact=True,
        id_number="X-77",
    )


@shows("type.merge.yes_wins", "records")
@shows("type.merge.only_chosen", "records")
def test_the_kept_one_takes_over_what_the_other_says(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """Its own words stand, the other's fill what it left open, lists are put together without doubles, and the
    stricter wish wins. An address that opens what was sent moves over only if somebody chooses it.
    """
    kept = merge(town, clerk, ada, twin)
    assert kept["family_name"] == "Archer"
    assert kept["language"] == "es"
    assert kept["notes"] == "Prefers letters."
    assert kept["do_not_contact"] is True
    assert kept["tags"] == ("resident", "volunteer")
    whole = now(town, ada)
    assert [(row["address"], row.get("note")) for row in whole["emails"]] == [("ada@example.org", None)]
    assert [(row["number"], row.get("label")) for row in whole["phones"]] == [
        ("+15135550101", "home"),
        ("+15135550102", None),
    ]
    assert len(whole["addresses"]) == 1
    assert (str(whole["born"]), whole["id_number"]) == ("1960-01-02", "X-77")


def test_addresses_are_put_together_by_who_chooses_that(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """A line that both have stands once, with what either says; where the kept one has none it gets none by itself."""
    merge(town, clerk, ada, twin, {"emails": "both"})
    assert [(row["address"], row.get("note")) for row in now(town, ada)["emails"]] == [
        ("ada@example.org", "Office"),
        ("lee@example.org", None),
    ]
    bare = make_contact(town, "Bare")
    assert (
        merge(town, clerk, bare, make_contact(town, "One", emails=[{"address": "one@example.org"}]))["emails"] is None
    )
    second = make_contact(town, "Two", emails=[{"address": "two@example.org"}])
    assert len(merge(town, clerk, now(town, bare), second, {"emails": "other"})["emails"]) == 1


def test_somebody_chooses(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """What both say is asked, with the values; whose stands is chosen field by field, and nothing else can be."""
    found = town.records.merging(clerk, CONTACT, ada.id, twin.id)
    asked = {each.field.name: each for each in found.asked}
    assert (asked["family_name"].kept, asked["family_name"].other) == ("Archer", "Archer-Lee")
    assert asked["family_name"].sides == ("kept", "other")
    assert asked["emails"].sides == asked["notes"].sides == ("kept", "other", "both")
    assert (asked["emails"].side, asked["phones"].side, asked["notes"].side) == ("kept", "both", "kept")
    assert asked["do_not_contact"].sides == ("other",)
    assert "given_name" not in asked
    for wrong in ({"family_name": "both"}, {"given_name": "other"}, {"do_not_contact": "kept"}, {"nothing": "kept"}):
        with pytest.raises(ValidationFailed) as refused:
            merge(town, clerk, ada, twin, wrong)
        assert list(refused.value.errors) == list(wrong)
    chosen = {"family_name": "other", "notes": "both", "emails": "other", "language": "kept"}
    kept = merge(town, clerk, ada, twin, chosen)
    assert (kept["family_name"], kept["notes"]) == ("Archer-Lee", "Prefers letters.\n\nHas a dog.")
    assert kept["language"] is None
    assert [row["address"] for row in kept["emails"]] == ["ADA@example.org", "lee@example.org"]
    assert kept.title == "Ada Archer-Lee"


def test_more_than_a_field_takes_is_refused_in_a_sentence(town: Town, clerk: Actor) -> None:
    """Eleven addresses of both together are one too many; those of one of the two are not."""
    first = make_contact(town, "A", emails=[{"address": f"a{n}@example.org"} for n in range(6)])
    second = make_contact(town, "A", emails=[{"address": f"b{n}@example.org"} for n in range(6)])
    with pytest.raises(ValidationFailed) as refused:
        merge(town, clerk, first, second, {"emails": "both"})
    assert "Take what one of the two says." in refused.value.errors["emails"]
    assert len(merge(town, clerk, first, second, {"emails": "kept"})["emails"]) == 6


def test_everything_that_named_the_other_names_the_kept_one(
    town: Town, clerk: Actor, ada: Record, twin: Record
) -> None:
    """Links, one and many, columns of rows, references, archived records too; each with history, version and search."""
    topic = make_topic(town)
    ticket = make_ticket(town, clerk, topic, reporter=twin.id, watchers=[twin.id, ada.id])
    aside = make_ticket(town, clerk, topic, reporter=twin.id, about=Reference(CONTACT, twin.id))
    aside = town.records.archive(clerk, TICKET, aside.id, version=aside.version)
    starts = town.clock.now()
    event = town.records.create(clerk, EVENT, {"name": "Visit", "starts": starts, "attendees": [twin.id]})
    call = town.records.create(clerk, INTERACTION, {"contact": twin.id, "body": "Asked about the bins"})
    about = town.records.create(clerk, INTERACTION, {"about": Reference(CONTACT, twin.id), "body": "A note"})
    rows = [{"contact": twin.id, "role": "Daughter"}, {"contact": ada.id, "role": "daughter", "note": "Phones"}]
    parent = make_contact(town, "Parent", relationships=rows)
    friend = make_contact(town, "Friend", relationships=[{"contact": twin.id, "role": "Friend"}])

    counted = {each.identity: count for each, count in town.records.merging(clerk, CONTACT, ada.id, twin.id).moves}
    assert counted == {CONTACT: 2, INTERACTION: 2, EVENT: 1, TICKET: 2}
    merge(town, clerk, ada, twin)
    moved = now(town, ticket)
    assert (moved["reporter"], moved["watchers"], moved.version) == (ada.id, (ada.id,), ticket.version + 1)
    assert (now(town, aside)["reporter"], now(town, aside)["about"]) == (ada.id, Reference(CONTACT, ada.id))
    assert now(town, event)["attendees"] == (ada.id,)
    assert now(town, call)["contact"] == ada.id
    assert now(town, about)["about"] == Reference(CONTACT, ada.id)
    assert [(row["contact"], row.get("note")) for row in now(town, parent)["relationships"]] == [(ada.id, "Phones")]
    assert now(town, friend)["relationships"][0]["contact"] == ada.id
    entry = town.records.history(clerk, TICKET, ticket.id)[-1]
    assert (entry.action, entry.changes["reporter"], entry.actor) == ("merge", (twin.id, ada.id), clerk.name)
    assert entry.note == f"{twin.number} was merged into {ada.number}."
    found = {hit.id for hit in town.records.search(clerk, "Archer", identities=[TICKET])[0]}
    assert found == {ticket.id}
    assert sound(town)


def test_a_merge_leaves_no_record_pointing_at_itself(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """What the two said of one another is left out."""
    for mine, other in ((ada, twin), (twin, ada)):
        rows = [{"contact": other.id, "role": "Sister"}]
        town.records.update(clerk, CONTACT, mine.id, {"relationships": rows}, version=now(town, mine).version)
    assert merge(town, clerk, ada, twin)["relationships"] is None


@shows("type.merge.into", "records")
def test_the_other_one_is_gone_and_its_address_leads_on(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """It is in no list, lookup or search, can't be changed, restored, chosen or merged, and says where it went."""
    merge(town, clerk, ada, twin, note="Two cards at the counter.")
    gone = town.records.get(clerk, CONTACT, twin.id)
    assert gone.archived is not None
    went = town.records.came_to(clerk, gone)
    assert went is not None
    assert went.id == ada.id
    assert [each.id for each in town.records.came_from(clerk, went)] == [twin.id]
    assert [each.id for each in town.records.find(clerk, CONTACT, {"family_name": "Archer-Lee"}).records] == []
    assert [each.id for each in town.records.lookup(clerk, CONTACT, "Archer")] == [ada.id]
    assert [hit.id for hit in town.records.search(clerk, "513 555 0102")[0]] == [ada.id]
    for act in (
        lambda: town.records.update(clerk, CONTACT, twin.id, {"notes": "x"}, version=gone.version),
        lambda: town.records.restore(clerk, CONTACT, twin.id, version=gone.version),
        lambda: merge(town, clerk, ada, twin),
        lambda: merge(town, clerk, twin, ada),
        lambda: town.records.create(clerk, INTERACTION, {"contact": twin.id, "body": "Again"}),
    ):
        with pytest.raises(TownhallError) as refused:
            act()
        assert "merged into another" in str(refused.value) or "merged into another" in str(
            getattr(refused.value, "errors", "")
        )
    entries = [town.records.history(clerk, CONTACT, each.id)[-1] for each in (ada, twin)]
    assert [entry.action for entry in entries] == ["merge", "merge"]
    assert entries[0].note == f"{twin.number} was merged into this. Two cards at the counter."
    assert entries[1].note == f"Merged into {ada.number}. Two cards at the counter."
    assert entries[0].changes["language"] == (None, "es")
    bodies = [entry.headline for entry in town.records.timeline(clerk, CONTACT, ada.id)[0]]
    assert bodies.count("Contact added") == 2
    assert bodies.count("Merged") == 1


def test_nobody_is_merged_with_themselves_or_from_an_old_page(
    town: Town, clerk: Actor, ada: Record, twin: Record
) -> None:
    """The same one twice, an archived one, one that isn't there, and a page that is out of date are refused."""
    with pytest.raises(Rejected, match="one and the same"):
        merge(town, clerk, ada, ada)
    with pytest.raises(NotFound):
        town.records.merge(clerk, CONTACT, ada.id, 10**6, versions=(1, 1))
    town.records.update(clerk, CONTACT, twin.id, {"notes": "Has two dogs."}, version=twin.version)
    with pytest.raises(Conflict):
        town.records.merge(clerk, CONTACT, ada.id, twin.id, versions=(ada.version, twin.version))
    town.records.archive(clerk, CONTACT, twin.id, version=now(town, twin).version)
    with pytest.raises(Rejected, match="is archived"):
        merge(town, clerk, ada, twin)
    topic = make_topic(town)
    with pytest.raises(Rejected, match="Topics can't be merged"):
        town.records.merge(clerk, topic.identity, topic.id, topic.id + 1, versions=(1, 1))


def test_who_may_merge(town: Town, clerk: Actor, viewer: Actor, ada: Record, twin: Record) -> None:
    """It is a permission of its own, for both records, beside that to change them; the default is no."""
    assert town.records.may(clerk, "merge", CONTACT)
    assert not town.records.may(clerk, "merge", TICKET)
    plain = frozenset({f"{CONTACT}.view", f"{CONTACT}.see_internal", f"{CONTACT}.edit"})
    for refused in (
        viewer,
        replace(clerk, permissions=ROLES["department_clerk"].permissions, known={}),
        replace(clerk, permissions=plain, known={}),
        replace(clerk, permissions=(plain | {f"{CONTACT}.merge"}) - {f"{CONTACT}.edit"}, known={}),
        replace(clerk, permissions=plain | {f"{CONTACT}.merge@own"}, known={}),
        citizen(frozenset({(CONTACT, ada.id), (CONTACT, twin.id)})),
        replace(clerk, read_only="Only looking.", known={}),
    ):
        with pytest.raises(Forbidden):
            merge(town, refused, ada, twin)
        with pytest.raises(Forbidden):
            town.records.merging(refused, CONTACT, ada.id, twin.id)
    hidden = replace(clerk, permissions=frozenset({f"{CONTACT}.{verb}@own" for verb in ("view", "edit", "merge")}))
    with pytest.raises(NotFound):
        merge(town, hidden, ada, twin)
    merge(town, replace(clerk, permissions=plain | {f"{CONTACT}.merge"}, known={}), ada, twin, None)
    assert now(town, twin).archived is not None


def test_what_somebody_may_not_see_is_neither_lost_nor_told(
    town: Town, clerk: Actor, ada: Record, twin: Record
) -> None:
    """A confidential value moves in where there is none. Of two different ones whoever may reveal them chooses, without
    being shown them; nobody else merges the two.
    """
    without = replace(clerk, permissions=clerk.permissions - {"*.see_confidential"}, known={})
    found = town.records.merging(without, CONTACT, ada.id, twin.id)
    assert not {"born", "id_number"} & {each.field.name for each in found.asked}
    assert not found.problem
    town.records.update(system(), CONTACT, twin.id, {"born": "1961-01-02"}, version=twin.version)
    problem = town.records.merging(without, CONTACT, ada.id, twin.id).problem
    assert "details that you may not see" in problem
    with pytest.raises(Rejected, match="may not see"):
        merge(town, without, ada, twin)
    choice = next(
        each for each in town.records.merging(clerk, CONTACT, ada.id, twin.id).asked if each.field.name == "born"
    )
    assert (choice.kept, choice.other, choice.masked, choice.sides) == (None, None, True, ("kept", "other"))
    merge(town, clerk, ada, twin, {"born": "other"})
    assert (str(now(town, ada)["born"]), now(town, ada)["id_number"]) == ("1961-01-02", "X-77")


def test_a_merge_taken_apart(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """Both are as they were, with all that named the other; history tells all of it, and proves itself."""
    topic = make_topic(town)
    ticket = make_ticket(town, clerk, topic, reporter=twin.id, watchers=[twin.id, ada.id])
    mine = make_ticket(town, clerk, topic, reporter=ada.id)
    before = [dict(now(town, each).values) for each in (ada, twin, ticket)]
    merge(town, clerk, ada, twin, {"family_name": "other", "notes": "both"})
    done = take_apart(town, clerk, twin)
    assert (done.kept.id, done.other.id, done.moved, done.left) == (ada.id, twin.id, 1, [])
    assert [dict(now(town, each).values) for each in (ada, twin, ticket)] == before
    assert now(town, mine)["reporter"] == ada.id
    assert now(town, twin).archived is None
    assert [each.id for each in town.records.lookup(clerk, CONTACT, "Archer-Lee")] == [twin.id]
    assert [hit.id for hit in town.records.search(clerk, "Archer-Lee", identities=[TICKET])[0]] == [ticket.id]
    entries = [town.records.history(clerk, CONTACT, each.id)[-1] for each in (ada, twin)]
    assert [entry.action for entry in entries] == ["unmerge", "unmerge"]
    assert town.records.came_from(clerk, now(town, ada)) == []
    with pytest.raises(Rejected, match="not merged"):
        take_apart(town, clerk, twin)
    merge(town, clerk, ada, twin)
    assert now(town, ticket)["reporter"] == ada.id
    assert take_apart(town, clerk, twin).left == []
    assert [dict(now(town, each).values) for each in (ada, twin, ticket)] == before
    assert sound(town)


def test_what_somebody_changed_since_stays_and_is_told(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """Taking apart touches nothing that was changed after the merge, and says so."""
    topic = make_topic(town)
    changed, untouched = (make_ticket(town, clerk, topic, reporter=twin.id, watchers=[twin.id]) for _ in range(2))
    merge(town, clerk, ada, twin)
    other = make_contact(town, "Other")
    again = {"watchers": [ada.id, other.id], "summary": "Deeper"}
    town.records.update(clerk, TICKET, changed.id, again, version=now(town, changed).version)
    town.records.update(clerk, TICKET, untouched.id, {"summary": "Deep"}, version=now(town, untouched).version)
    town.records.update(clerk, CONTACT, ada.id, {"language": "fr"}, version=now(town, ada).version)
    done = take_apart(town, clerk, twin)
    assert (now(town, changed)["reporter"], now(town, changed)["watchers"]) == (twin.id, (ada.id, other.id))
    assert (now(town, untouched)["reporter"], now(town, untouched)["watchers"]) == (twin.id, (twin.id,))
    assert now(town, ada)["language"] == "fr"
    assert now(town, ada)["do_not_contact"] is None
    assert [(record.id, why) for record, why in done.left] == [
        (ada.id, "Language: Somebody changed it since."),
        (changed.id, "Somebody changed it since."),
    ]


def test_merged_on_and_apart_from_the_end(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """One that was merged leads to the last of the row; the last merge is taken apart first."""
    third = make_contact(town, "Third")
    topic = make_topic(town)
    ticket = make_ticket(town, clerk, topic, reporter=twin.id)
    merge(town, clerk, ada, twin)
    merge(town, clerk, third, ada)
    went = town.records.came_to(clerk, now(town, twin))
    assert went is not None
    assert went.id == third.id
    assert now(town, ticket)["reporter"] == third.id
    assert {each.id for each in town.records.came_from(clerk, went)} == {ada.id, twin.id}
    with pytest.raises(Rejected, match="Take that apart first"):
        take_apart(town, clerk, twin)
    take_apart(town, clerk, ada)
    assert now(town, ticket)["reporter"] == ada.id
    take_apart(town, clerk, twin)
    assert now(town, ticket)["reporter"] == twin.id


def test_a_plugin_that_is_off_keeps_pace(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """What a switched-off plugin's records name follows the merge, and back, without any of its code."""
    ticket = make_ticket(town, clerk, make_topic(town), reporter=twin.id)
    switching.disable(town, system("cli"), "desk")
    merge(town, clerk, ada, twin)
    assert now(town, ticket)["reporter"] == ada.id
    assert take_apart(town, clerk, twin).moved == 1
    merge(town, clerk, ada, twin)
    switching.enable(town, system("cli"), "desk")
    assert now(town, ticket)["reporter"] == ada.id


def test_a_pack_of_merged_records_is_whole(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """A plugin is packed, purged and unpacked with records that a merge has moved; history proves itself, and the merge
    can still be taken apart.
    """
    merge(town, clerk, ada, twin)
    take_apart(town, clerk, twin)
    ticket = make_ticket(town, clerk, make_topic(town), reporter=twin.id)
    merge(town, clerk, ada, twin)
    administrator = system("cli")
    switching.disable(town, administrator, "desk")
    unpacking.unpack(town, administrator, purging.purge(town, administrator, "desk", "desk"))
    switching.enable(town, administrator, "desk")
    assert now(town, ticket)["reporter"] == ada.id
    assert take_apart(town, clerk, twin).moved == 1
    assert now(town, ticket)["reporter"] == twin.id
    assert sound(town)


def test_two_who_merge_at_once(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """A into B and B into A at the same time: one of them wins, and neither contact is lost."""
    versions = ada.version, twin.version
    ready = threading.Barrier(2)
    outcomes: list[str] = []

    def act(kept: Record, other: Record, seen: tuple[int, int]) -> None:
        with town.database.connection_context():
            ready.wait()
            try:
                town.records.merge(clerk, CONTACT, kept.id, other.id, versions=seen)
            except TownhallError as refused:
                outcomes.append(type(refused).__name__)
            else:
                outcomes.append("merged")

    pairs = ((ada, twin, versions), (twin, ada, versions[::-1]))
    threads = [threading.Thread(target=act, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["Conflict", "merged"]
    assert [now(town, each).archived is None for each in (ada, twin)].count(True) == 1


def test_somebody_signed_in_sees_what_is_theirs(
    town: Town, clerk: Actor, ada: Record, twin: Record, clock: FixedClock
) -> None:
    """The kept one finds the requests of both; nobody is signed in as the other any more, until it is taken apart."""
    topic = make_topic(town)
    first, second = (make_ticket(town, clerk, topic, reporter=each.id) for each in (ada, twin))
    merge(town, clerk, ada, twin)
    assert owning.grants(town, ada.id) == {(TICKET, first.id), (TICKET, second.id)}
    assert owning.contact(town, twin.id) is None
    clock.move(timedelta(minutes=1))
    take_apart(town, clerk, twin)
    assert owning.grants(town, ada.id) == {(TICKET, first.id)}
    assert owning.grants(town, twin.id) == {(TICKET, second.id)}
    assert history.told(town, now(town, twin).type, twin.id)[-1].action == "unmerge"


def test_questions_follow_a_merged_record(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """Who asks for what names the merged one finds what names the kept one, however often it was merged on."""
    topic = make_topic(town)
    ticket = make_ticket(town, clerk, topic, reporter=twin.id, about=Reference(CONTACT, twin.id))
    third = make_contact(town, "Archer", given_name="A.")
    merge(town, clerk, ada, twin)
    merge(town, clerk, third, now(town, ada))

    def found(where: dict[str, Any]) -> list[int]:
        records = town.records.find(clerk, TICKET, where).records
        assert town.records.count(clerk, TICKET, where).value == len(records)
        return [each.id for each in records]

    for old in (twin.id, ada.id, third.id):
        assert found({"reporter": old}) == [ticket.id]
        assert found({"any": [{"reporter": [old, 999]}, {"summary": "x"}]}) == [ticket.id]
        assert found({"about": f"{CONTACT}:{old}"}) == [ticket.id]
        assert found({"reporter": {"ne": old}}) == []
    take_apart(town, clerk, now(town, ada))
    assert found({"reporter": twin.id}) == [ticket.id]
    assert found({"reporter": third.id}) == []


@contextmanager
def meanwhile(town: Town, act: Callable[[], object]) -> Iterator[list[str]]:
    """A transaction that is under way while somebody else does ``act`` on a connection of their own; what came of it.

    Where the engine lets several write at once the transaction ends only once the other one waits for it.
    """
    outcomes: list[str] = []
    begun = threading.Event()

    def other() -> None:
        with town.database.connection_context():
            begun.set()
            try:
                act()
            except TownhallError as refused:
                outcomes.append(str(refused))
            else:
                outcomes.append("done")

    thread = threading.Thread(target=other)
    with immediate(town.database):
        yield outcomes
        thread.start()
        begun.wait(60)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while town.database.engine == "postgresql" and thread.is_alive():
            if town.database.execute_sql(waits).fetchone()[0]:
                break
    thread.join(60)


@pytest.mark.parametrize("door", ["update", "move", "import"])
def test_nothing_names_a_record_that_is_just_being_merged(
    town: Town, clerk: Actor, ada: Record, twin: Record, door: str
) -> None:
    """Who links to it in the very moment waits, and is told then that it was merged; by a reference too."""
    topic = make_topic(town)
    ticket = make_ticket(town, clerk, topic)
    links = {"reporter": twin.id, "about": str(Reference(CONTACT, twin.id))}
    acts: dict[str, Callable[[], object]] = {
        "update": lambda: town.records.update(clerk, TICKET, ticket.id, links, version=ticket.version),
        "move": lambda: town.records.transition(
            clerk, TICKET, ticket.id, "finish", {"outcome": "x", **links}, version=ticket.version
        ),
        "import": lambda: told(
            town.records.import_rows(
                system("import"), TICKET, [{"topic": topic.id, "summary": "x", "answers": {"deep": 1}, **links}]
            )
        ),
    }

    def told(rows: Sequence[RowOutcome]) -> None:
        if errors := rows[0].errors:
            raise ValidationFailed(errors)

    with meanwhile(town, acts[door]) as outcomes:
        merge(town, clerk, ada, twin)
    (outcome,) = outcomes
    assert "merged into another" in outcome
    assert not town.records.find(system(), TICKET, {"reporter": {"empty": False}}).records
    assert not town.records.find(system(), TICKET, {"about": {"empty": False}}).records


def test_a_merge_waits_for_who_just_links(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """What somebody is just pointing at the one that goes points at the kept one afterwards."""
    ticket = make_ticket(town, clerk, make_topic(town))
    with meanwhile(town, lambda: merge(town, clerk, ada, twin)) as outcomes:
        links = {"reporter": twin.id, "about": str(Reference(CONTACT, twin.id))}
        town.records.update(clerk, TICKET, ticket.id, links, version=ticket.version)
    assert outcomes == ["done"]
    pointed = now(town, ticket)
    assert (pointed["reporter"], pointed["about"]) == (ada.id, Reference(CONTACT, ada.id))


def test_rules_and_targets_follow_to_the_kept_one(town: Town, clerk: Actor, ada: Record, twin: Record) -> None:
    """What a line of theirs says of the one that went fits what names the one that stays, until that is taken apart."""
    line = {"field": "about", "is": "is", "value": f"{CONTACT}:{twin.id}"}
    queue = town.records.create(system(), "core.queue", {"name": "Care"}).id
    rule = {"name": "Hers", "case_type": "core.task", "conditions": [line], "to_queue": queue}
    town.records.create(system(), "core.route", rule)
    clocks = [{"clock": "resolution", "within": "2", "unit": "days"}]
    target = {"name": "Soon", "case_type": "core.task", "conditions": [line], "clocks": clocks}
    town.records.create(system(), "core.target", target)

    def task(about: Record) -> tuple[bool, bool]:
        """Whether the rule and the target fit a new task about somebody."""
        given = {"subject": "Call back", "about": Reference(CONTACT, about.id)}
        made = town.records.create(system(), "core.task", given)
        return made.queue == queue, made.due is not None

    before = town.records.create(system(), "core.task", {"subject": "Old", "about": Reference(CONTACT, twin.id)})
    due = now(town, before).due
    assert (task(twin), task(ada), due is not None) == ((True, True), (False, False), True)
    merge(town, clerk, ada, twin)
    assert task(ada) == (True, True)
    moved = now(town, before)
    assert (moved["about"], moved.due) == (Reference(CONTACT, ada.id), due)
    take_apart(town, clerk, twin)
    assert (task(twin), task(ada)) == ((True, True), (False, False))
