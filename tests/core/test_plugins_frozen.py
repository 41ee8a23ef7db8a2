"""Records of a plugin that doesn't run: read as ever, changed by nobody, and back as they were when it runs again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from io import BytesIO

import pytest
from desk import TICKET
from desk import TOPIC
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from plugging import SCHEMA
from plugging import add_plugin
from plugging import remove
from rows import dump
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.app import create_app
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.extend import states
from townhall.lifecycle import switching
from townhall.records.types import Record
from townhall.testing import pictures
from townhall.town import Town
from townhall_forms import fields as field_types
from townhall_forms.values import Reference

OFF = (
    "Desk is switched off. Its records are kept and can be read; nothing can be changed until it is switched on again."
)
PNG = pictures.png()


class Sent(BytesIO):
    """A file that somebody sends."""

    filename = "a.png"


def filled(town: Town, clerk: Actor) -> tuple[Record, Record]:
    """A contact, and a ticket of theirs with a photo, costs, a message and a log entry about it."""
    contact = make_contact(town)
    photo = town.files.stage(clerk, Sent(PNG))
    topic = make_topic(town)
    values = {"reporter": contact.id, "photos": [photo.token], "lines": [{"what": "Tar", "amount": "12.50"}]}
    ticket = make_ticket(town, clerk, topic, open_to_all=True, **values)
    talk = {"channel": "phone", "direction": "in", "contact": contact.id, "body": "Called about it."}
    town.records.create(clerk, "core.interaction", {**talk, "about": Reference(TICKET, ticket.id)})
    town.records.transition(clerk, TICKET, ticket.id, "ask", version=ticket.version)
    return contact, town.records.get(clerk, TICKET, ticket.id)


def test_records_of_a_plugin_without_files_are_read_and_not_changed(
    town: Town, clerk: Actor, administrator: Actor
) -> None:
    """Everything that reads works from what the town keeps; every write is refused with one sentence; rows stay."""
    contact, ticket = filled(town, clerk)
    records, id = town.records, ticket.id
    before = dump(town, "desk")
    aside = town.instance / "aside"
    shutil.copytree(town.instance / "plugins" / "desk", aside)
    switching.disable(town, administrator, "desk")
    remove(town.instance / "plugins" / "desk")
    town.reload()
    records = town.records

    kept = records.get(clerk, TICKET, id)
    assert (kept.title, kept.number, kept.values) == (ticket.title, ticket.number, ticket.values)
    assert kept.titles[("core.contact", contact.id)] == contact.title
    assert records.by_number(clerk, TICKET, ticket.number.lower()).id == id
    assert [each.id for each in records.find(clerk, TICKET, {"state": "waiting"}, search="hole").records] == [id]
    assert [each.title for each in records.search(clerk, "deep hole")[0]] == [ticket.title]
    assert records.count(clerk, TICKET).value == 1
    assert [each.id for each in records.lookup(clerk, TICKET, "Pothole")] == [id]
    assert records.aggregate(clerk, TICKET, group_by=["state"], sums=["total"])[0]["count"] == 1
    assert [each.action for each in records.history(clerk, TICKET, id)] == ["create", "transition"]
    assert [state for state, _ in records.passed(clerk, TICKET, id)] == ["new", "waiting"]
    assert records.open_file(clerk, kept["photos"][0].id)[1].read_bytes() == PNG
    headlines = " ".join(entry.headline for entry in records.timeline(clerk, "core.contact", contact.id)[0])
    assert "Ticket opened" in headlines
    (talk,) = records.find(clerk, "core.interaction").records
    assert talk.titles[(TICKET, id)] == ticket.title
    assert records.transitions(administrator, kept) == []

    version = kept.version
    writes: list[Callable[[Actor], object]] = [
        lambda actor: records.create(actor, TICKET, {"topic": 1, "summary": "New"}),
        lambda actor: records.update(actor, TICKET, id, {"summary": "Other"}, version=version),
        lambda actor: records.transition(actor, TICKET, id, "answer", version=version),
        lambda actor: records.archive(actor, TICKET, id, version=version),
        lambda actor: records.restore(actor, TICKET, id, version=version),
        lambda actor: records.message(actor, TICKET, id, "Hello"),
        lambda actor: records.import_rows(actor, TICKET, [{"summary": "New"}]),
        lambda actor: records.make_link(actor, TICKET, id, "status"),
        lambda actor: records.renew_link(actor, TICKET, id, "status"),
        lambda actor: records.revoke_link(actor, TICKET, id, "status"),
    ]
    for actor in (administrator, system()):
        for write in writes:
            with pytest.raises(Forbidden) as refused:
                write(actor)
            assert str(refused.value) == OFF
    assert dump(town, "desk") == before

    shutil.move(aside, town.instance / "plugins" / "desk")
    switching.enable(town, administrator, "desk")
    assert dump(town, "desk") == before
    changed = town.records.update(clerk, TICKET, id, {"summary": "Deeper hole"}, version=version)
    assert changed["summary"] == "Deeper hole"


def test_every_door_shows_frozen_records_and_none_changes_them(town: Town, clerk: Actor) -> None:
    """Staff pages say why, and offer and take nothing; the public site knows nothing of them; the menu keeps them."""
    contact, ticket = filled(town, clerk)
    token = town.records.make_link(clerk, TICKET, ticket.id, "status")
    switching.disable(town, system(), "desk")
    app = create_app(town)
    colleague = staff_client(town, app=app)
    base = f"/admin/desk/ticket/{ticket.id}/"
    page = colleague.get(base)
    assert OFF in plain(page)
    for button in ("Edit", "Archive…", "Answered", "Finish", "New secret link", "Add a note", "Change With"):
        assert button not in main_of(page), button
    listed = colleague.get("/admin/desk/ticket/?view=all")
    assert OFF in plain(listed)
    assert ticket.number in plain(listed)
    assert "New ticket" not in plain(listed)
    assert "Give to me" not in listed.text
    assert "Only to read Desk" in plain(listed)
    for shown in (page, listed):
        assert shown.text.count("<b>Only to read.</b>") == 1
    for url in (
        f"{base}print",
        f"{base}history",
        "/admin/desk/ticket/print?view=all",
        f"/admin/search?q={ticket.number}",
    ):
        shown = colleague.get(url, follow_redirects=True)
        assert shown.status_code == 200, url
        assert ticket.title in plain(shown), url
    assert ticket.number in colleague.get("/admin/desk/ticket/export.csv?view=all").text
    assert ticket.title in plain(colleague.get(f"/admin/core/contact/{contact.id}/"))
    for url in (
        "/admin/desk/ticket/new",
        f"{base}edit",
        f"{base}archive",
        f"{base}give",
        f"{base}move/answer",
        f"{base}link",
    ):
        for response in (colleague.get(url), colleague.post(url, {"summary": "x", "assignee": "me"})):
            assert response.status_code == 403, url
            assert OFF in plain(response), url
    refused = colleague.post(f"{base}say", {"text": "A note"})
    assert (refused.status_code, OFF in plain(refused)) == (403, True)
    refused = colleague.post("/admin/desk/ticket/bulk", {"do": "move:finish", "pick": str(ticket.id)})
    assert refused.status_code in (403, 404)
    assert "New ticket" not in plain(colleague.get("/admin/"))

    visitor = app.test_client()
    assert "Report something" not in visitor.get("/").text
    assert visitor.get("/apply/desk/ticket/public").status_code == 404
    assert visitor.get(f"/status/{ticket.number}/{token}").status_code == 404
    for actor in (ANONYMOUS, citizen(frozenset({(TICKET, ticket.id)}))):
        assert town.records.count(actor, TICKET).value == 0
        with pytest.raises(NotFound):
            town.records.get(actor, TICKET, ticket.id)


def test_frozen_pages_ask_no_more_of_the_database(town: Town, clerk: Actor) -> None:
    """A list and a record cost at most the statements that they cost while the plugin ran; the home page fewer."""
    _, ticket = filled(town, clerk)

    def statements(url: str) -> int:
        colleague.get(url)
        asked: list[object] = []
        town.database.query_hooks.append(hook := lambda *told, **more: asked.append(told))  # type: ignore[misc]
        assert colleague.get(url).status_code == 200
        town.database.query_hooks.remove(hook)
        return len(asked)

    urls = ("/admin/desk/ticket/?view=all", f"/admin/desk/ticket/{ticket.id}/", "/admin/")
    colleague = staff_client(town)
    running = [statements(url) for url in urls]
    switching.disable(town, system(), "desk")
    colleague.http = create_app(town).test_client()
    colleague.get("/admin/sign-in")
    colleague.post("/admin/sign-in", {"email": "clerk@milbrook.example", "password": "correct horse battery"})
    frozen = [statements(url) for url in urls]
    assert all(after <= before for before, after in zip(running, frozen, strict=True)), (running, frozen)


def test_one_that_can_not_start_is_frozen_with_another_sentence(town: Town, clerk: Actor) -> None:
    """What is kept is brought up to date at every start; a plugin that breaks then is read as it last ran."""
    folder = add_plugin(town, "park")
    switching.enable(town, system(), "park")
    record = town.records.create(system(), "park.thing", {"label": "Bench"})
    grown = SCHEMA.format(name="thing") + '[fields.trees]\ntype = "integer"\n'
    (folder / "schemas" / "thing.toml").write_text(grown, encoding="utf-8")
    town.reload()
    town.records.update(system(), "park.thing", record.id, {"trees": 3}, version=1)
    assert states.read(town.system)["park"].schemas == {"thing.toml": grown}
    (folder / "schemas" / "thing.toml").write_text("[type]\n", encoding="utf-8")
    town.reload()
    assert town.records.get(clerk, "park.thing", record.id)["trees"] == 3
    with pytest.raises(Forbidden, match=r"Park doesn't run at the moment\. .* until it runs again\."):
        town.records.create(system(), "park.thing", {"label": "Tree"})


def test_kept_schemas_that_fit_no_more_stop_no_others(town: Town, clerk: Actor) -> None:
    """A kept type that links to one that vanished is left out and told; its neighbours can still be read."""
    add_plugin(town, "lake")
    linked = SCHEMA.format(name="path") + '[fields.lake]\ntype = "link"\nto = "lake.thing"\n'
    folder = add_plugin(town, "park", requires='requires = ["lake"]\n')
    (folder / "schemas" / "path.toml").write_text(linked, encoding="utf-8")
    switching.enable(town, system(), "park")
    record = town.records.create(system(), "park.thing", {"label": "Bench"})
    switching.disable(town, system(), "park")
    switching.disable(town, system(), "lake")
    assert {"lake.thing", "park.thing", "park.path"} <= set(town.schemas)
    states.forget(town.system, "lake")
    town.reload()
    assert "park.path" not in town.schemas
    assert town.records.get(clerk, "park.thing", record.id)["label"] == "Bench"
    told = switching.status(town, "park").unreadable
    assert "Some records of Park are kept but can't be shown" in told
    assert "park/path.toml" in told
    assert "can't be shown" in plain(staff_client(town, "administrator").get("/admin/plugins/"))


def test_values_of_a_vendor_s_own_field_type_are_read_without_its_code(
    town: Town, clerk: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The town keeps which built-in type can read them, from what the field says it stores or what it is made of."""
    monkeypatch.setattr(field_types, "_types", known := dict(field_types._types))
    for module in ("townhall_forms.fields", "townhall_forms.field_building", "townhall_forms.loading"):
        monkeypatch.setattr(f"{module}.FIELD_TYPES", known)
    code = (
        "from townhall_forms.fields import register, OneColumn, FIELD_TYPES\n"
        "@register\nclass Shade(FIELD_TYPES['text']):\n    type_name = 'shade'\n"
        "@register\nclass Girth(FIELD_TYPES['integer']):\n    type_name = 'girth'\n"
    )
    schema = SCHEMA.format(name="thing")
    schema += '[fields.shade]\ntype = "shade"\nmax_length = 5\n[fields.girth]\ntype = "girth"\n'
    add_plugin(town, "park", code=code, schema=schema)
    switching.enable(town, system(), "park")
    record = town.records.create(system(), "park.thing", {"label": "Oak", "shade": "green", "girth": 7})
    assert states.read(town.system)["park"].essentials.stand_ins == {"shade": "text", "girth": "integer"}
    switching.disable(town, system(), "park")
    remove(town.instance / "plugins" / "park")
    del known["shade"], known["girth"]
    town.reload()
    assert town.schemas["park.thing"].fields["shade"].type_name == "text"
    kept = town.records.get(clerk, "park.thing", record.id)
    assert (kept["shade"], kept["girth"]) == ("green", 7)


def test_reading_that_code_restricted_is_for_administrators_without_it(
    town: Town, clerk: Actor, administrator: Actor
) -> None:
    """Whoever looks after plugins reads such records while the code is off, or in safe mode; nobody else does."""
    public = SCHEMA.format(name="thing").replace("\n[fields", '\npublic_if = { label = "Bench" }\n[fields')
    public += 'privacy = "public"\n'
    code = 'from townhall import for_types, hookimpl\n@hookimpl\n@for_types("park.thing")\ndef restrict():\n    pass\n'
    add_plugin(town, "park", schema=public, code=code)
    switching.enable(town, system(), "park")
    record = town.records.create(system(), "park.thing", {"label": "Bench"})
    assert town.records.get(clerk, "park.thing", record.id)["label"] == "Bench"
    safe = Town(town.instance, town.settings, town.database, town.clock, safe_mode=True)
    assert safe.records.get(administrator, "park.thing", record.id)["label"] == "Bench"
    assert safe.records.count(ANONYMOUS, "park.thing").value == 0
    switching.disable(town, system(), "park")
    for closed in (safe, town):
        assert closed.records.get(administrator, "park.thing", record.id)["label"] == "Bench"
        with pytest.raises(Forbidden):
            closed.records.get(clerk, "park.thing", record.id)
        assert closed.records.search(clerk, "Bench")[0] == []
    switching.enable(town, system(), "park")
    assert town.records.get(clerk, "park.thing", record.id)["label"] == "Bench"


def test_a_frozen_type_can_be_linked_only_by_what_was_there(town: Town, clerk: Actor) -> None:
    """Another plugin's record keeps its reference to a frozen one, with its title, and may be saved with it."""
    topic = make_topic(town)
    call = {"channel": "phone", "direction": "in", "body": "Hm", "about": Reference(TOPIC, topic.id)}
    note = town.records.create(clerk, "core.interaction", call)
    switching.disable(town, system(), "desk")
    changed = town.records.update(clerk, "core.interaction", note.id, {"body": "More"}, version=note.version)
    assert changed.titles[(TOPIC, topic.id)] == topic.title
