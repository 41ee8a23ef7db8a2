"""Switching while the town is open: no request fails, no write is lost or lands beside, and no memory is kept."""

from __future__ import annotations

import gc
import re
import threading
import weakref
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from desk import make_topic
from plugging import add_plugin
from staff_client import StaffClient
from staff_client import add_person
from staff_client import hidden
from staff_client import plain
from werkzeug.test import Client

from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.lifecycle import purging
from townhall.lifecycle import switching
from townhall.records import pages
from townhall.records import writing
from townhall.town import Town
from townhall.wsgi import RepeatableInput
from townhall.wsgi import TownApplication

SWITCHES = (
    ("lake", switching.enable),
    ("desk", switching.disable),
    ("desk", switching.enable),
    ("lake", switching.disable),
)


def test_a_town_that_is_put_together_anew_asks_little_and_changes_no_table(
    make_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request after a switch waits for it, so it reads the catalogue as a whole, and it must not wait for
    whoever writes: on PostgreSQL even CREATE INDEX IF NOT EXISTS would.
    """
    town = make_town("desk")
    said: list[str] = []
    usual = type(town.database).execute_sql

    def listen(database: Any, sql: str, *rest: Any, **more: Any) -> Any:
        said.append(sql)
        return usual(database, sql, *rest, **more)

    monkeypatch.setattr(type(town.database), "execute_sql", listen)
    anew = TownApplication(town.renewed())
    monkeypatch.undo()
    assert [sql for sql in said if re.match(r"\s*(CREATE|ALTER|DROP|INSERT|UPDATE|DELETE)", sql)] == []
    assert len(said) <= 60
    assert Client(anew).get("/health").status_code == 200


def test_two_processes_follow_and_no_request_fails(make_town: Callable[..., Town]) -> None:
    """While one process switches a plugin on and off, readers and writers at both get pages, never an error."""
    town = make_town("desk")
    add_plugin(town, "lake")
    for name in ("ann", "ben"):
        add_person(town, f"{name}@milbrook.example", "administrator")
    # Each has its own town; they share the pool, in which every thread has a connection of its own.
    here, there = TownApplication(town), TownApplication(town.renewed())
    topic = make_topic(town, questions=None)
    failures: list[str] = []
    done = threading.Event()

    def read(application: TownApplication) -> None:
        visitor = Client(application)
        while not done.is_set():
            for url in ("/", "/health", "/admin/sign-in"):
                answer = visitor.get(url)
                if answer.status_code != 200:
                    failures.append(f"{url}: {answer.status_code}")

    def write(application: TownApplication, email: str) -> None:
        colleague = StaffClient(application, email)
        count = 0
        while not done.is_set():
            colleague.get("/admin/")
            sent = colleague.post("/admin/desk/ticket/new", {"topic": topic.id, "summary": f"{email} {count}"})
            page = colleague.get("/admin/desk/ticket/?view=all")
            if sent.status_code not in (302, 303, 403) or page.status_code != 200:
                failures.append(f"{sent.status_code} {page.status_code} {plain(sent)[:300]}")
            saved[email] = saved.get(email, 0) + (sent.status_code in (302, 303))
            count += 1

    saved: dict[str, int] = {}
    threads = [threading.Thread(target=read, args=(one,)) for one in (here, there)]
    threads += [
        threading.Thread(target=write, args=pair)
        for pair in ((here, "ann@milbrook.example"), (there, "ben@milbrook.example"))
    ]
    for thread in threads:
        thread.start()
    try:
        for name, act in SWITCHES:
            act(town.renewed(), system(), name)
            for application in (here, there):
                assert Client(application).get("/").status_code == 200
                assert application.town.is_current
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert town.renewed().records.count(system(), "desk.ticket").value == sum(saved.values())


def test_a_write_that_began_before_a_switch_is_made_on_the_town_after_it(make_town: Callable[..., Town]) -> None:
    """A form that was opened while a plugin was on, and reaches the tables when it is off, is refused and not saved."""
    town = make_town("desk")
    topic = make_topic(town, questions=None)
    application = TownApplication(town)
    add_person(town, "ann@milbrook.example", "administrator")
    ann = StaffClient(application, "ann@milbrook.example")
    ann.get("/admin/desk/ticket/new")
    original, switched = writing.create, []

    def late(for_town: Town, *rest: Any, **more: Any) -> Any:
        if not switched:
            switched.append(True)
            switching.disable(town.renewed(), system(), "desk")
        return original(for_town, *rest, **more)

    writing.create = late  # type: ignore[assignment]
    try:
        sent = ann.post("/admin/desk/ticket/new", {"topic": topic.id, "summary": "Too late"})
    finally:
        writing.create = original
    assert (sent.status_code, "Desk is switched off" in plain(sent)) == (403, True)
    assert application.town.records.count(system(), "desk.ticket").value == 0

    switched.clear()
    form_id = hidden(ann.get("/admin/core/contact/new"), "form_id")
    contact = {"form_id": form_id, "family_name": "Moreau", "kind": "person", "notes": "x" * 5000}

    def again(for_town: Town, *rest: Any, **more: Any) -> Any:
        if not switched:
            switched.append(True)
            switching.enable(town.renewed(), system(), "desk")
        return original(for_town, *rest, **more)

    writing.create = again  # type: ignore[assignment]
    try:
        sent = ann.post("/admin/core/contact/new", contact)
    finally:
        writing.create = original
    assert sent.status_code in (302, 303), plain(sent)
    assert application.town.records.count(system(), "core.contact").value == 1


def test_a_page_that_began_before_a_purge_is_made_on_the_town_after_it(make_town: Callable[..., Town]) -> None:
    """Pages that want to read what is gone since they began are made again, and say how it is now."""
    town = make_town("desk")
    add_person(town, "ann@milbrook.example", "administrator")
    original = pages.count
    for url, wanted in (("/admin/desk/ticket/", 404), ("/admin/plugins/", 200)):
        make_topic(town, questions=None)
        switching.disable(town.renewed(), system(), "desk")
        application = TownApplication(town.renewed())
        ann = StaffClient(application, "ann@milbrook.example")
        assert ann.get("/admin/").status_code == 200
        purged = []

        def late(*rest: Any, purged: list[bool] = purged) -> int:
            if not purged:
                purged.append(True)
                purging.purge(town.renewed(), system(), "desk", "desk")
            return original(*rest)

        pages.count = late  # type: ignore[assignment]
        try:
            answer = ann.get(url)
        finally:
            pages.count = original
        assert (answer.status_code, purged) == (wanted, [True]), plain(answer)
        switching.enable(town.renewed(), system(), "desk")
        town.reload()


def test_old_applications_are_let_go(make_town: Callable[..., Town]) -> None:
    """After a switch nothing holds on to the application and the town of before."""
    town = make_town("desk")
    application = TownApplication(town.renewed())
    visitor = Client(application)
    assert visitor.get("/").status_code == 200
    before = [weakref.ref(application._app), weakref.ref(application.town)]
    switching.disable(town.renewed(), system(), "desk")
    assert visitor.get("/").status_code == 200
    gc.collect()
    assert [ref() for ref in before] == [None, None]


def test_a_body_is_read_again_from_its_beginning() -> None:
    """Whatever was read comes again, and then what was not read yet."""
    with RepeatableInput(BytesIO(b"one\ntwo\nthree\nfour")) as body:
        assert (body.readline(), body.read(5)) == (b"one\n", b"two\nt")
        body.rewind()
        assert body.read(6) == b"one\ntw"
        assert body.readlines() == [b"o\n", b"three\n", b"four"]
        body.rewind()
        assert (body.readline(2), body.read(0), body.readline()) == (b"on", b"", b"e\n")
        body.rewind()
        assert body.read() == b"one\ntwo\nthree\nfour"


def test_what_could_not_be_taken_up_is_tried_again_soon(make_town: Callable[..., Town], clock: FixedClock) -> None:
    """A switch that can't be followed at once is followed a second later, then less and less often."""
    town = make_town("desk")
    application = TownApplication(town)
    settings = town.instance / "townhall.toml"
    sound = settings.read_text(encoding="utf-8")
    add_plugin(town, "lake")
    switching.enable(town.renewed(), system(), "lake")
    settings.write_text("colour = ", encoding="utf-8")
    seen = []
    for later in (0, 0.9, 0.2, 1.8, 0.3):
        clock.move(timedelta(seconds=later))
        assert Client(application).get("/").status_code == 200
        seen.append(application._failed[2])
    assert seen == [1.0, 1.0, 2.0, 2.0, 4.0]
    settings.write_text(sound, encoding="utf-8")
    clock.move(timedelta(seconds=4))
    assert Client(application).get("/").status_code == 200
    assert set(application.town.plugins.running) == {"desk", "lake"}
