"""Finding by words: names in any order, numbers, pieces of phone numbers, streets; the same on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.records import search_entries
from townhall.records.types import Record
from townhall.town import Town

TICKET = "desk.ticket"
SYSTEM = system()


@pytest.fixture
def people(town: Town) -> dict[str, Record]:
    """A few contacts."""

    def person(given: str, family: str, phone: str, street: str) -> Record:
        values = {
            "given_name": given,
            "family_name": family,
            "phones": [{"number": phone}],
            "addresses": [{"address": {"line1": street, "city": "Millbrook"}}],
        }
        return town.records.create(SYSTEM, "core.contact", values)

    return {
        "halina": person("Halina", "Nowak", "+1 555 014 2117", "14 Tanner Row"),
        "jose": person("José", "O'Brien-Łukasz", "+44 161 496 0123", "3 Orchard Close"),
        "nora": person("Nora", "Halinski", "+1 555 014 9999", "9 Tanner Row"),
    }


def titles(town: Town, actor: Actor, text: str, **options: Any) -> list[str]:
    """Titles of what is found."""
    return [hit.title for hit in town.records.search(actor, text, **options)[0]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nowak halina", ["Halina Nowak"]),
        ("HALINA  Nowak", ["Halina Nowak"]),
        ("hal now", ["Halina Nowak"]),
        ("hal", ["Nora Halinski", "Halina Nowak"]),
        ("tanner row", ["Nora Halinski", "Halina Nowak"]),
        ("14 tanner", ["Halina Nowak"]),
        ("2117", ["Halina Nowak"]),
        ("014 2117", ["Halina Nowak"]),
        ("(555) 014-2117", ["Halina Nowak"]),
        ("+1 555 0142117", ["Halina Nowak"]),
        ("0142", ["Halina Nowak"]),
        ("0161 496 0123", ["José O'Brien-Łukasz"]),
        ("00 44 161 4960123", ["José O'Brien-Łukasz"]),
        ("nowak 2117", ["Halina Nowak"]),
        ("jose obrien", ["José O'Brien-Łukasz"]),
        ("JOSÉ O’Brien", ["José O'Brien-Łukasz"]),
        ("lukasz", ["José O'Brien-Łukasz"]),
        ("P-000002", ["José O'Brien-Łukasz"]),
        ("p000002", ["José O'Brien-Łukasz"]),
        ("halina missing", []),
        ("117", []),
        ("", []),
        ("  - / ", []),
        ('" OR * NEAR(', []),
        ("o'b_brien & !x | ':*", []),
        ("ﷺ\x00 𞤀a", []),
    ],
)
def test_contacts_are_found(town: Town, people: dict[str, Record], clerk: Actor, text: str, found: list[str]) -> None:
    """What a clerk types finds the person, and odd input finds nothing and breaks nothing."""
    assert titles(town, clerk, text) == found


def test_number_of_a_case_is_found_by_its_parts(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """The whole number, its digits, or its last part are enough; the whole one stands first."""
    for _ in range(12):
        make()
    record = town.records.by_number(clerk, TICKET, "T-2026-0001")
    for text in ("T-2026-0001", "t 2026 0001", "t20260001", "2026-0001"):
        hits, _ = town.records.search(clerk, text)
        assert hits[0].id == record.id
    hits, _ = town.records.search(clerk, "0012")
    assert [hit.number for hit in hits] == ["T-2026-0012"]


def test_confidential_text_is_not_in_the_index(town: Town, make: Callable[..., Record]) -> None:
    """Nobody finds a record by a confidential value, not even the town itself."""
    make(secret="Xylophone", summary="Lamp")
    assert titles(town, SYSTEM, "xylophone") == []
    assert titles(town, SYSTEM, "lamp") == ["Potholes: Lamp"]


def test_public_finds_public_words_of_public_records(town: Town, make: Callable[..., Record]) -> None:
    """A visitor finds what they may see, and only by what they may read."""
    make(summary="Lamp out", details="Near the school", open_to_all=True)
    make(summary="Lamp broken", open_to_all=False)
    assert titles(town, ANONYMOUS, "lamp") == ["Potholes: Lamp out"]
    assert titles(town, ANONYMOUS, "school") == []
    assert [r["summary"] for r in town.records.find(ANONYMOUS, TICKET, search="school").records] == []
    assert [r["summary"] for r in town.records.find(ANONYMOUS, TICKET, search="lamp").records] == ["Lamp out"]


def test_citizen_finds_their_own_record(town: Town, make: Callable[..., Record]) -> None:
    """A secret link widens what its holder finds by its record."""
    record = make(summary="Lamp broken", open_to_all=False)
    make(summary="Lamp out", open_to_all=False)
    holder = citizen(frozenset({(TICKET, record.id)}))
    assert titles(town, holder, "lamp") == ["Potholes: Lamp broken"]


def test_staff_find_only_types_they_may_see(town: Town, make: Callable[..., Record], people: dict[str, Record]) -> None:
    """A search over everything leaves out types without permission."""
    make(summary="Nowak is angry")
    only_tickets = Actor("staff", "Olga", 9, frozenset({"desk.ticket.view"}))
    assert titles(town, only_tickets, "nowak") == ["Potholes: Nowak is angry"]
    assert titles(town, Actor("staff", "Nobody", 10), "nowak") == []


def test_index_follows_every_write(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """A changed record is found by its new words and not by its old ones; an archived one not at all."""
    record = make(summary="Lamp")
    record = town.records.update(clerk, TICKET, record.id, {"summary": "Bench"}, version=record.version)
    assert titles(town, clerk, "lamp") == []
    assert titles(town, clerk, "bench") == ["Potholes: Bench"]
    record = town.records.archive(clerk, TICKET, record.id, version=record.version)
    assert titles(town, clerk, "bench") == []
    town.records.restore(clerk, TICKET, record.id, version=record.version)
    assert titles(town, clerk, "bench") == ["Potholes: Bench"]


def test_newest_first_in_pages(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """Results come newest first, and the cursor leads through all of them once."""
    made = [make(summary=f"Lamp {index}").id for index in range(7)]
    found: list[int] = []
    after = ""
    while True:
        hits, after = town.records.search(clerk, "lamp", limit=3, after=after)
        found += [hit.id for hit in hits]
        if not after:
            break
    assert found == made[::-1]


def test_search_can_be_limited_to_types(
    town: Town, make: Callable[..., Record], people: dict[str, Record], clerk: Actor
) -> None:
    """``identities`` limits a search to some types; unknown ones find nothing."""
    make(summary="Halina called")
    assert titles(town, clerk, "halina", identities=[TICKET]) == ["Potholes: Halina called"]
    assert titles(town, clerk, "halina", identities=["gone.type"]) == []


def test_hits_tell_people_apart(town: Town, people: dict[str, Record], clerk: Actor) -> None:
    """A hit has a second line by which two people of one name are told apart."""
    (hit,) = [hit for hit in town.records.search(clerk, "nowak")[0] if hit.title == "Halina Nowak"]
    assert "14 Tanner Row" in hit.note
    assert hit.number == "P-000001"


def test_rebuilding_the_index_changes_nothing(town: Town, clerk: Actor) -> None:
    """Rebuilding the index of a type gives the same entries as writing did."""
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Trees"})
    town.records.create(SYSTEM, TICKET, {"topic": topic.id, "summary": "Oak"})
    before = entries(town)
    assert search_entries.rebuild(town, SYSTEM, TICKET) == 1
    assert search_entries.rebuild(town, SYSTEM, "desk.topic") == 1
    assert entries(town) == before


def entries(town: Town) -> list[tuple[Any, ...]]:
    """What stands in the index."""
    columns = "identity, record_id, number, title, note, state, public_text, internal_text, updated_at, archived"
    return list(
        town.database.execute_sql(f"SELECT {columns} FROM search_entry ORDER BY identity, record_id").fetchall()
    )


def test_context_finds_any_record_by_number(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """A number that people use leads to its record, whatever its type, if the actor may see it."""
    record = make()
    assert town.context(clerk).by_number(" t-2026-0001") == (TICKET, record.id)
    assert town.context(ANONYMOUS).by_number("T-2026-0001") is None
    assert town.context(clerk).by_number("T-1") is None


@pytest.fixture
def make(town: Town) -> Callable[..., Record]:
    """Make a ticket about potholes."""
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})

    def make(**values: Any) -> Record:
        return town.records.create(SYSTEM, TICKET, {"topic": topic.id, "summary": "Hole", **values})

    return make
