"""Paging by key: every row once, in either direction, whatever the sort order and however many rows have no value."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from statements import statements

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.db import search
from townhall.errors import Rejected
from townhall.records import pages
from townhall.records.paging import Cursor
from townhall.records.paging import decode
from townhall.town import Town

TICKET = "desk.ticket"
SYSTEM = system()


@pytest.fixture
def tickets(town: Town) -> list[int]:
    """Tickets with equal, missing and different values, in no order."""
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})
    dice = random.Random(7)
    words = ["Zaun", "ähre", "Apfel", "apfel", "École", "zebra", "Öl", "b-side", "b side"]
    made = []
    for _ in range(23):
        values = {
            "topic": topic.id,
            "summary": dice.choice(words),
            "score": dice.choice([None, "1.5", "2", "-3.125"]),
            "kind": dice.choice([None, "report", "question"]),
            "open_to_all": dice.choice([None, True, False]),
            "refund": dice.choice([None, "1.50", "20"]),
        }
        made.append(town.records.create(SYSTEM, TICKET, values).id)
    return made


SORTS = ["summary", "score", "kind", "open_to_all", "refund", "created", "state", "number", "title", "due", "id"]


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{name}" for name in SORTS)])
def test_pages_have_every_row_once(town: Town, tickets: list[int], clerk: Actor, sort: str) -> None:
    """Reading on from page to page gives every row once, and reading back gives the same pages."""
    pages = []
    page = town.records.find(clerk, TICKET, sort=sort, limit=5, fields=())
    assert page.before == ""
    while True:
        pages.append([record.id for record in page.records])
        if not page.after:
            break
        page = town.records.find(clerk, TICKET, sort=sort, limit=5, fields=(), after=page.after)
    assert [len(ids) for ids in pages] == [5, 5, 5, 5, 3]
    assert sorted(id for ids in pages for id in ids) == sorted(tickets)
    for ids in reversed(pages[:-1]):
        page = town.records.find(clerk, TICKET, sort=sort, limit=5, fields=(), before=page.before)
        assert [record.id for record in page.records] == ids
        assert page.after
    assert page.before == ""


@pytest.mark.parametrize("sort", ["score", "-score"])
def test_rows_without_a_value_come_last(town: Town, tickets: list[int], clerk: Actor, sort: str) -> None:
    """NULLs stand at the end in either direction, on both engines."""
    scores = [record["score"] for record in town.records.find(clerk, TICKET, sort=sort).records]
    filled = [score for score in scores if score is not None]
    assert scores == filled + [None] * (len(scores) - len(filled))
    assert filled == sorted(filled, reverse=sort.startswith("-"))


def test_text_is_sorted_as_people_read_it(town: Town, tickets: list[int], clerk: Actor) -> None:
    """Case and accents make no difference to the order, and both engines sort alike."""
    found = [record["summary"] for record in town.records.find(clerk, TICKET, sort="summary").records]
    order = ["apfel", "ahre", "b side", "b-side", "ecole", "ol", "zaun", "zebra"]
    plain = [text.lower().replace("ä", "a").replace("ö", "o").replace("é", "e") for text in found]
    assert plain == sorted(plain)
    assert set(plain) <= set(order)


def test_rows_that_come_and_go_do_not_shift_pages(town: Town, tickets: list[int], clerk: Actor) -> None:
    """A row that is archived between two pages makes no other row vanish."""
    first = town.records.find(clerk, TICKET, sort="id", limit=5, fields=())
    gone = first.records[0]
    town.records.archive(SYSTEM, TICKET, gone.id, version=gone.version)
    second = town.records.find(clerk, TICKET, sort="id", limit=5, fields=(), after=first.after)
    assert [record.id for record in second.records] == tickets[5:10]


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "🎈", "WyJzY29yZSIsW10sMV0", Cursor("-score", 1, 1).encode()])
def test_strange_cursor_is_a_sentence(town: Town, clerk: Actor, cursor: str) -> None:
    """A cursor that was made up, or belongs to another order, is refused in words."""
    with pytest.raises(Rejected, match="Start again from the first page"):
        town.records.find(clerk, TICKET, sort="score", after=cursor)


def test_cursor_survives_a_url() -> None:
    """A cursor has only characters that need no quoting in a URL."""
    text = Cursor("summary", "Ümläut / ? & =", 5).encode()
    assert text.replace("-", "").replace("_", "").isalnum()
    assert decode(text, "summary") == Cursor("summary", "Ümläut / ? & =", 5)


@pytest.mark.parametrize(
    ("sort", "sentence"),
    [
        ("colour", "no field “colour” to sort tickets by"),
        ("photos", "can't be sorted by “Photos”"),
        ("-lines", "can't be"),
    ],
)
def test_unknown_order_is_a_sentence(town: Town, clerk: Actor, sort: str, sentence: str) -> None:
    """An order that can't be had is refused in words."""
    with pytest.raises(Rejected, match=sentence):
        town.records.find(clerk, TICKET, sort=sort)


def test_limits_are_kept(town: Town, tickets: list[int], clerk: Actor) -> None:
    """Nobody gets an endless or an empty page."""
    assert len(town.records.find(clerk, TICKET, limit=0, fields=()).records) == 1
    assert len(town.records.find(clerk, TICKET, limit=10**9, fields=()).records) == len(tickets)


def test_search_within_a_list_is_paged_too(town: Town, tickets: list[int], clerk: Actor) -> None:
    """A search in a list keeps the list's order and pages."""
    whole = [record.id for record in town.records.find(clerk, TICKET, search="apf", sort="-id", fields=()).records]
    page = town.records.find(clerk, TICKET, search="apf", sort="-id", limit=2, fields=())
    rest = town.records.find(clerk, TICKET, search="apf", sort="-id", limit=100, fields=(), after=page.after)
    assert [record.id for record in (*page.records, *rest.records)] == whole
    assert len(whole) > 2


@pytest.mark.parametrize("common", [0, 1000])
@pytest.mark.parametrize("sort", ["score", "-score", "summary", "-summary", "created", "due", "-due"])
def test_filtered_pages_have_every_row_once(
    town: Town, tickets: list[int], clerk: Actor, sort: str, common: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filtered list is paged alike, whether its rows are few enough to gather or are met along the order."""
    monkeypatch.setattr(pages, "COMMON", common)
    monkeypatch.setattr(search, "COMMON", common)
    for options in ({"where": {"kind": "report"}}, {"search": "ap"}, {"where": {"score": {"ne": 2}}, "search": "z"}):
        whole = [record.id for record in town.records.find(clerk, TICKET, sort=sort, fields=(), **options).records]
        assert whole
        page = town.records.find(clerk, TICKET, sort=sort, limit=2, fields=(), **options)
        forth = [[record.id for record in page.records]]
        while page.after:
            page = town.records.find(clerk, TICKET, sort=sort, limit=2, fields=(), after=page.after, **options)
            forth.append([record.id for record in page.records])
        assert [id for ids in forth for id in ids] == whole
        back = [forth[-1]]
        while page.before:
            page = town.records.find(clerk, TICKET, sort=sort, limit=2, fields=(), before=page.before, **options)
            back.insert(0, [record.id for record in page.records])
        assert back == forth


@pytest.mark.parametrize("sort", ["due", "-due", "created"])
def test_open_cases_are_paged_past_the_closed_ones(
    town: Town, clerk: Actor, clock: FixedClock, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open cases by when they are due are read from an index of their own, not along all that was ever closed."""
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})
    hours = [None, 3, -2, 40, None, 7, 7]
    made = []
    for number, wait in enumerate(hours):
        due = None if wait is None else clock.now() + timedelta(hours=wait)
        values = {"topic": topic.id, "summary": f"Hole {number}", "due": due}
        made.append(town.records.create(SYSTEM, TICKET, values))
    for ticket in made[-2:]:
        town.records.transition(SYSTEM, TICKET, ticket.id, "finish", {"outcome": "x"}, version=ticket.version)
    monkeypatch.setattr(pages, "COMMON", 0)
    sent: list[str] = []
    send = town.database.execute_sql

    def execute_sql(sql: str, params: Any = None, *rest: Any) -> Any:
        sent.append(sql)
        return send(sql, params, *rest)

    monkeypatch.setattr(town.database, "execute_sql", execute_sql)
    order = {"due": [2, 1, 3, 0, 4], "-due": [3, 1, 2, 4, 0], "created": [0, 1, 2, 3, 4]}[sort]
    open_ones, either = {"closed": {"empty": True}}, {"any": [{"closed": {"empty": True}}, {"kind": "question"}]}
    for where in (open_ones, {"all": [open_ones, {"summary": {"starts_with": "Hole"}}]}, either):
        sent.clear()
        found = town.records.find(clerk, TICKET, where, sort=sort, limit=10, fields=()).records
        assert [record.id for record in found] == [made[index].id for index in order]
        alone = town.database.engine == "sqlite" and sort != "created" and where is not either
        assert any('INDEXED BY "desk_ticket_open_index"' in sql for sql in sent if "ORDER BY" in sql) == alone


def test_common_words_find_the_same(town: Town, clerk: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a word is common decides only how it is looked for."""
    for given, street in (("Halina", "14 Tanner Row"), ("Nora", "149 Tanner Row"), ("José", "3 Tanner")):
        values = {
            "given_name": given,
            "phones": [{"number": "+1 555 014 2117"}],
            "addresses": [{"address": {"line1": street}}],
        }
        town.records.create(SYSTEM, "core.contact", values)
    for text in ("tanner", "14 tanner", "2117", "555 0142117 tann", "nora row", "jose", "zzz"):
        found = []
        for common, gathered in ((1000, 1000), (0, 1000), (0, 0)):
            monkeypatch.setattr(search, "COMMON", common)
            monkeypatch.setattr(search, "GATHERED", gathered)
            someone = replace(clerk, known={})
            counted = town.records.count(someone, "core.contact", search=text).value
            page = town.records.find(someone, "core.contact", search=text, fields=()).records
            looked_up = town.records.lookup(someone, "core.contact", text)
            assert counted == len(page)
            found.append((town.records.search(someone, text), looked_up, [each.id for each in page]))
        assert found == [found[0]] * 3


@pytest.mark.parametrize("engine", ["sqlite"])  # PostgreSQL decides by its statistics
def test_many_are_not_gathered_again_for_each_change(
    town: Town, tickets: list[int], clerk: Actor, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a filter finds more than a list gathers is believed for a moment, and the list has the same rows."""
    monkeypatch.setattr(pages, "COMMON", 3)

    def asked() -> list[int]:
        return [each.id for each in town.records.find(clerk, TICKET, {"kind": "report"}, sort="created").records]

    def gathered() -> bool:
        with statements(town) as sent:
            found.append(asked())
        return any("LIMIT 4" in each for each in sent)

    found: list[list[int]] = []
    assert [gathered(), gathered()] == [True, False]
    few = found[0][:2]
    for id in [id for id in found[0] if id not in few]:
        version = town.records.get(SYSTEM, TICKET, id).version
        town.records.update(SYSTEM, TICKET, id, {"kind": "question"}, version=version)
    assert [gathered(), found[-1]] == [False, few]
    clock.move(timedelta(minutes=2))
    assert [gathered(), gathered(), found[-1]] == [True, True, few]
