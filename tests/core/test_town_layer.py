"""The town's own layer through every door: on screen, on the command line, in records, and across upgrades."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from click.testing import CliRunner
from desk import TICKET
from desk import TOPIC
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from keys_shown import shows
from layers import WARD
from layers import answers
from serving import Served
from staff_client import hidden
from staff_client import main_of

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cli import main
from townhall.errors import Forbidden
from townhall.errors import LayerChanged
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.lifecycle import layer_review
from townhall.lifecycle import town_layer
from townhall.records import reverting
from townhall.records.history import MASK
from townhall.town import Town
from townhall_forms.layer import EMPTY
from townhall_forms.layer import read_layer

PAGE = f"/admin/types/{TICKET}/"


@pytest.fixture
def served(town: Town) -> Served:
    """A served town."""
    return Served(town)


def publish(town: Town, text: str, **more: Any) -> Town:
    """The town with this layer published."""
    layer_review.publish(town, system("cli", "Ivo"), read_layer(text), follows=head(town), **more)
    return town.renewed()


def head(town: Town) -> int:
    return town_layer.standing(town.system).head


def test_a_field_is_added_on_screen_and_is_in_every_door(served: Served, clerk: Actor) -> None:
    """Drafted, looked at, published: without a restart it is in form, list, filter, search, export, import and the
    public form, its values are checked and stand in the history, and no other page was disturbed.
    """
    ada = served.staff("administrator", "Ada")
    made = ada.post(f"{PAGE}new", answers())
    assert made.status_code == 302, main_of(made)
    page = main_of(ada.follow(made))
    assert "Nothing is published yet" in page
    assert "Ward" not in main_of(ada.get("/admin/desk/ticket/new"))
    assert "Ward" in main_of(ada.get(f"{PAGE}preview"))
    public = ada.get("/apply/desk/ticket/public/preview").text
    assert "Ward" in public
    assert "Ward" not in ada.get("/apply/desk/ticket/public").text
    changes = ada.get("/admin/types/changes")
    assert "the table “desk_ticket” gets the column “town_ward”" in main_of(changes)
    done = ada.post("/admin/types/changes", {"head": hidden(changes, "head"), "note": "As decided"})
    assert "Published as version 1" in main_of(ada.follow(done))
    assert "Ward" in ada.get("/apply/desk/ticket/public").text
    assert "Ward" in main_of(ada.get("/admin/desk/ticket/new"))

    town = served.town
    topic = make_topic(town)
    north = make_ticket(town, clerk, topic, town_ward="north")
    make_ticket(town, clerk, topic, summary="Lamp", town_ward="south")
    with pytest.raises(ValidationFailed):
        make_ticket(town, clerk, topic, town_ward="east")
    listed = main_of(ada.get("/admin/desk/ticket/?view=all&town_ward=south"))
    assert "Lamp" in listed
    assert "Deep hole" not in listed
    assert "The South" in listed
    assert [hit.id for hit in town.records.search(clerk, "north")[0]] == [north.id]
    assert "town_ward" in ada.get("/admin/desk/ticket/export.csv").text.partition("\n")[0]
    rows = [{"topic": topic.id, "summary": "Imported", "answers": {"deep": 1}, "town_ward": "south"}]
    (outcome,) = town.records.import_rows(system("import"), TICKET, rows)
    assert outcome.errors == {}
    town.records.update(clerk, TICKET, north.id, {"town_ward": "south"}, version=north.version)
    last = town.records.history(clerk, TICKET, north.id)[-1]
    assert "town_ward" in str(last.changes)
    assert "The South" in main_of(ada.get(f"/admin/desk/ticket/{north.id}/"))


def test_only_with_the_permission(served: Served, town: Town, clerk: Actor) -> None:
    """A clerk neither sees the pages nor can publish; an administrator finds them from the list and the settings."""
    erin = served.staff("clerk", "Erin")
    for url in ("/admin/types/", PAGE, f"{PAGE}new", "/admin/types/layer.toml"):
        assert erin.get(url).status_code == 403
    assert erin.get("/apply/desk/ticket/public/preview").status_code == 404
    assert "/admin/types/" not in erin.get("/admin/desk/ticket/?view=all").text
    for call in (town_layer.save_draft, town_layer.publish):
        with pytest.raises(Forbidden):
            call(town, clerk, read_layer(WARD), follows=0)
    with pytest.raises(Forbidden):
        town_layer.discard(town, clerk, follows=0)
    ada = served.staff("administrator", "Ada")
    assert f'href="{PAGE}"' in ada.get("/admin/desk/ticket/?view=all").text
    assert 'href="/admin/types/"' in ada.get("/admin/settings/").text


@shows("fields.NAME.hide", "form", "list")
def test_labels_order_hiding_and_choices(town: Town, clerk: Actor) -> None:
    """What is relabelled, hidden, moved or retired shows so on every page; stored values stay readable."""
    ticket = make_ticket(town, clerk, make_topic(town), kind="question", details="Two feet")
    layer = """
[desk.ticket]
label = "Request"
[desk.ticket.fields.details]
hide = ["form", "list", "public_form"]
[desk.ticket.fields.summary]
label = "In a word"
[desk.ticket.fields.kind]
add_choices = [{ value = "praise", label = "Praise" }]
[desk.ticket.fields.kind.choices.question]
label = "Asking"
retired = true
[desk.ticket.states.new]
label = "Fresh"
public_label = "With us"
[desk.ticket.sections.town_first]
label = "At once"
fields = ["visit_on"]
"""
    before = Served(town)
    ada = before.staff("administrator", "Ada")
    assert 'id="field-details"' in ada.get("/admin/desk/ticket/new").text
    assert 'value="details"' in ada.get("/admin/desk/ticket/?view=all").text
    publish(town, layer)
    form = ada.get("/admin/desk/ticket/new").text
    assert 'id="field-details"' not in form
    assert "In a word" in form
    assert "Praise" in form
    assert "Asking" not in form
    assert form.index("At once") > form.index("In a word")
    assert 'id="field-details"' not in ada.get("/apply/desk/ticket/public").text
    listed = ada.get("/admin/desk/ticket/?view=all&kind=question").text
    assert 'value="details"' not in listed
    assert "Deep hole" in listed
    assert "New request" in listed
    page = main_of(ada.get(f"/admin/desk/ticket/{ticket.id}/"))
    assert "Two feet" in page
    assert "Asking" in page
    assert "Fresh" in page
    edit = ada.get(f"/admin/desk/ticket/{ticket.id}/edit").text
    assert "Asking" in edit, "the record may keep its retired choice"
    changed = before.town.records.update(clerk, TICKET, ticket.id, {"summary": "Deeper"}, version=ticket.version)
    assert changed["kind"] == "question"


def test_undo_keeps_columns_and_values(town: Town, clerk: Actor) -> None:
    """An earlier version counts again as a new one: the removed field's values are kept, and come back with it."""
    first = publish(town, WARD)
    ticket = make_ticket(first, clerk, make_topic(first), town_ward="north")
    second = publish(first, "")
    assert "town_ward" not in second.schemas[TICKET].fields
    assert second.records.search(clerk, "north")[0] == []
    entry = second.records.history(system(), TICKET, ticket.id)[0]
    assert "north" in str(entry.changes), "the history keeps what was written"
    layer_review.restore(second, system("cli", "Ivo"), 1, follows=head(town))
    third = second.renewed()
    assert third.records.get(clerk, TICKET, ticket.id)["town_ward"] == "north"
    assert [hit.id for hit in third.records.search(clerk, "north")[0]] == [ticket.id]
    last = town_layer.history(town.system)[0]
    assert (last.version, last.by, last.note) == (3, "Ivo", "Version 1 again")
    layer_review.restore(third, system(), 0, follows=head(town))
    assert third.renewed().layer == EMPTY


def test_a_retired_choice_is_not_brought_back(town: Town, clerk: Actor) -> None:
    """An earlier version with a choice that is offered no more comes back without it, as in a form, and that is told;
    whoever undoes what they did to many at once gets it back, since the records had it.
    """
    ids = [make_ticket(town, clerk, make_topic(town, f"Topic {n}"), kind="question", code=f"A{n}").id for n in (1, 2)]
    second = publish(town, "[desk.ticket.fields.kind.choices.question]\nretired = true\n")
    for id in ids:
        second.records.update(clerk, TICKET, id, {"kind": "report", "code": None}, version=1)
    told = {each.field.name: each.problem for each in second.records.restoring(clerk, TICKET, ids[0], 1)}
    assert told == {"kind": "“Question” is not offered any more. Choose another by hand.", "code": ""}
    back = second.records.bring_back(clerk, TICKET, ids[0], 1, version=2)
    assert (back["kind"], back["code"]) == ("report", "A1")
    undone = reverting.revert(second, clerk, TICKET, ids[1], before=1, after=2, note="Undone.")
    assert (undone["kind"], undone["code"]) == ("question", "A2")


def test_values_of_a_removed_field_stay_confidential(town: Town, clerk: Actor) -> None:
    """History keeps them, and shows them to nobody: how private a field was is not known once it is gone."""
    text = '[desk.topic.fields.town_key]\ntype = "text"\nlabel = "Key"\nprivacy = "confidential"\n'
    first = publish(town, text)
    topic = make_topic(first, town_key="Zanzibar")
    second = publish(first, "")
    assert not [each for each in second.schemas[TOPIC].fields.values() if each.privacy == "confidential"]
    other = replace(clerk, permissions=clerk.permissions - {"*.see_confidential"})
    for actor, told in ((other, {}), (clerk, {"town_key": (None, MASK)})):
        entry = second.records.history(actor, TOPIC, topic.id)[0]
        assert {name: pair for name, pair in entry.changes.items() if name == "town_key"} == told
        assert "Zanzibar" not in str(entry)
    assert second.records.history(system(), TOPIC, topic.id)[0].changes["town_key"] == (None, "Zanzibar")


def test_a_field_never_changes_its_type(town: Town) -> None:
    """A name that was published as one type can't come back as another, not even after it was removed."""
    other = WARD.replace('type = "choice"', 'type = "integer"').replace('choices = ["north", "south"]\n', "")
    without = publish(publish(town, WARD), "")
    with pytest.raises(Rejected, match="Give the new field another name"):
        publish(without, other)
    with pytest.raises(Rejected, match="another name"):
        town_layer.save_draft(without, system(), read_layer(other), follows=head(town))


def test_two_administrators_at_once(served: Served, town: Town) -> None:
    """The second to save is told who was faster, loses nothing that they typed, and can save on top of it."""
    ada, bea = served.staff("administrator", "Ada"), served.staff("administrator", "Bea")
    seen = hidden(bea.get(f"{PAGE}new"), "head")
    assert ada.post(f"{PAGE}name", {"label": "Request", "label_plural": "Requests"}).status_code == 302
    assert "Ada" in main_of(bea.get("/admin/types/"))
    late = bea.post(f"{PAGE}new", answers(head=seen))
    assert late.status_code == 422
    assert "Ada changed the town's fields and labels" in main_of(late)
    assert 'value="The South"' in late.text
    again = bea.post(f"{PAGE}new", answers(head=hidden(late, "head")))
    assert again.status_code == 302
    text = town_layer.standing(town.system).draft.text  # type: ignore[union-attr]
    assert 'label = "Request"' in text
    assert "town_ward" in text
    stale = ada.post("/admin/types/changes", {"head": seen})
    assert "Look at what it does now" in main_of(ada.follow(stale))
    assert town_layer.standing(town.system).version == 0
    with pytest.raises(LayerChanged):
        town_layer.save_draft(town, system(), EMPTY, follows=0)


def test_many_savers_in_one_moment(town: Town) -> None:
    """Of those who save on top of the same row at the same time, one is heard and the others are told."""
    gate = Barrier(4)

    def save(number: int) -> bool:
        layer = read_layer(f"[desk.ticket]\nlabel = 'Request {number}'\n")
        gate.wait(timeout=120)
        try:
            town_layer.save_draft(town, system(), layer, follows=0)
        except LayerChanged:
            return False
        finally:
            town.database.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        heard = list(pool.map(save, range(4)))
    assert sum(heard) == 1
    draft = town_layer.standing(town.system).draft
    assert draft is not None
    assert f"Request {heard.index(True)}" in draft.text


def upgrade(town: Town) -> None:
    """A new version of the plugin: a field and a choice go, one that the town added is shipped."""
    file = town.instance / "plugins" / "desk" / "schemas" / "ticket.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace('[fields.code]\ntype = "text"\nunique = true\n', "")
    file.write_text(
        text.replace('choices = ["report", "question"]', 'choices = ["report", "praise"]'), encoding="utf-8"
    )


def test_an_upgrade_of_the_plugin(town: Town, clerk: Actor) -> None:
    """After an upgrade all that still fits counts; the rest is listed and counted until somebody decides."""
    layer = """
[desk.ticket.fields.code]
label = "Our code"
[desk.ticket.fields.kind]
add_choices = ["praise"]
[desk.ticket.fields.kind.choices.question]
retired = true
[desk.ticket.fields.town_note]
type = "text"
show_if = { code = "x" }
required = true
"""
    before = publish(town, WARD + layer)
    ticket = make_ticket(before, clerk, make_topic(before), town_ward="north", code="y")
    upgrade(before)
    after = Served(before.renewed())
    keys = [conflict.key for conflict in after.town.layer_conflicts]
    assert sorted(keys) == [
        "desk.ticket.fields.code.label",
        "desk.ticket.fields.kind.add_choices.praise",
        "desk.ticket.fields.kind.choices.question.retired",
        "desk.ticket.fields.town_note.show_if",
    ]
    assert after.town.records.get(clerk, TICKET, ticket.id)["town_ward"] == "north"
    assert make_ticket(after.town, clerk, make_topic(after.town, name="Lamps"))["town_note"] is None
    ada = after.staff("administrator", "Ada")
    page = ada.get("/admin/types/")
    assert "need a decision" in page.text
    assert "is shipped now" in main_of(page)
    ada.post("/admin/types/conflict", {"key": keys[0], "do": "wait"})
    assert len(town_layer.urgent(after.town)) == 3
    assert "It is kept, and waits" in main_of(ada.get("/admin/types/"))
    for key in keys[1:]:
        gone = ada.post("/admin/types/conflict", {"key": key, "do": "remove"})
        assert "taken out of the draft" in main_of(ada.follow(gone))
    changes = ada.get("/admin/types/changes")
    published = ada.post("/admin/types/changes", {"head": hidden(changes, "head")})
    assert "Published as version 2" in main_of(ada.follow(published))
    assert [conflict.key for conflict in after.town.layer_conflicts] == [keys[0]]
    assert "already" in main_of(ada.follow(ada.post("/admin/types/conflict", {"key": keys[1]})))


def test_the_town_starts_whatever_the_layer_says(town: Town) -> None:
    """A layer that can't be read, or that wants a column of another kind, is told; core and plugins run without it."""
    publish(town, "[core.contact.fields.town_a]\ntype = 'text'\n[desk.ticket]\nlabel = 'Request'")
    table = town.system.town_layer

    def put(text: str) -> Town:
        row = {"follows": head(town), "version": town_layer.standing(town.system).version + 1, "text": text}
        table.insert(**row, by_name="Somebody", at=0).execute()
        return town.renewed()

    other = put("[core.contact.fields.town_a]\ntype = 'integer'\n[desk.ticket]\nlabel = 'Request'")
    assert "town_a" not in other.schemas["core.contact"].fields
    assert other.schemas[TICKET].label == "Request"
    assert "another kind of value" in other.layer_conflicts[0].message
    broken = put("[core.contact")
    assert broken.schemas[TICKET].label == "Ticket"
    assert "can't be read" in broken.layer_conflicts[0].message
    ada = Served(broken).staff("administrator", "Ada")
    assert "can't be read" in main_of(ada.get("/admin/types/"))
    assert ada.get("/admin/desk/ticket/?view=all").status_code == 200


def test_a_layer_that_lets_a_secret_decide_stops_no_town(town: Town) -> None:
    """No such layer is published. In one that is there already the field is asked always, and that is told."""
    layer = '[desk.ticket.fields.town_probe]\ntype = "text"\nlabel = "Extra"\n'
    layer += 'show_if = { "reporter.id_number" = { empty = false } }\n'
    with pytest.raises(Rejected, match="can't decide about a field that others read"):
        publish(town, layer)
    row = {"follows": 0, "version": 1, "text": layer, "by_name": "Somebody", "at": 0}
    town.system.town_layer.insert(**row).execute()
    town = town.renewed()
    assert town.schemas[TICKET].fields["town_probe"].show_if is None
    (conflict,) = town_layer.urgent(town)
    assert "“reporter.id_number” is confidential and can't decide about a field that others read." in str(conflict)


def test_a_link_and_a_file_of_the_towns_own(town: Town, clerk: Actor) -> None:
    """An own field may link to records, and hold what stands outside the record's row."""
    layer = """
[desk.ticket.fields.town_owner]
type = "link"
to = "core.contact"
column = true
filter = true
[desk.ticket.fields.town_wishes]
type = "choices"
choices = ["soon", "quiet"]
default = ["quiet"]
[desk.ticket.fields.town_plan]
type = "file"
[desk.ticket.fields.town_cost]
type = "money"
show_if = { kind = "report" }
"""
    after = publish(town, layer)
    owner = make_contact(after)
    ticket = make_ticket(after, clerk, make_topic(after), town_owner=owner.id, town_wishes=["soon"], town_cost="12.50")
    kept = after.records.get(clerk, TICKET, ticket.id)
    assert kept["town_owner"] == owner.id
    assert after.records.find(clerk, TICKET, {"town_owner": owner.id}).records[0].id == ticket.id
    ada = Served(after).staff("administrator", "Ada")
    assert "Moreau" in main_of(ada.get("/admin/desk/ticket/?view=all"))
    assert "Town plan" not in main_of(ada.get("/admin/desk/ticket/new"))


# -- files and commands ---------------------------------------------------------------------------------------------


def test_commands(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line the layer is shown, exported, imported after a look, listed and undone, round and round."""

    def run(*arguments: str, input: str = "") -> Any:
        command = ["--instance", str(town.instance), "layer", *arguments]
        return CliRunner().invoke(main, command, input=input)

    if town.database.engine == "postgresql":
        monkeypatch.setenv("TOWNHALL_DATABASE", str(town.database.database))
    assert "Nothing is published yet" in run("show").output
    assert run("export").output == ""
    assert "nothing to go back to" in run("undo").output
    file = tmp_path / "ours.toml"
    file.write_text(WARD, encoding="utf-8")
    dry = run("import", str(file), "--dry-run")
    assert "The field “Ward” is added" in dry.output
    assert town_layer.standing(town.system).version == 0
    assert run("import", str(file), input="n\n").exit_code == 1
    assert "Published as version 1" in run("import", str(file), "--yes").output
    assert "says what is published" in run("import", str(file), "--yes").output
    schema = CliRunner().invoke(main, ["--instance", str(town.instance), "schema", "show", TICKET, "--json"])
    assert json.loads(schema.output)["properties"]["town_ward"]
    out = tmp_path / "out.toml"
    assert run("export", "--output", str(out)).exit_code == 0
    assert out.read_text(encoding="utf-8") == run("export").output
    assert read_layer(run("export").output) == read_layer(WARD)
    out.write_text(WARD + "[desk.ticket.fields.gone]\nlabel = 'X'\n[later.thing]\nlabel = 'Y'\n", encoding="utf-8")
    waits = run("import", str(out), "--yes", "--note", "From Weirford")
    assert "What can't be applied, and waits" in waits.output
    assert "later.thing counts once their plugin is on" in waits.output
    shown = json.loads(run("show", "--json").output)
    assert (shown["version"], shown["types"]["desk.ticket"]) == (2, ["town_ward"])
    assert shown["conflicts"][0]["part"] == "desk.ticket.fields.gone.label"
    assert "town_ward" in run("show").output
    assert [step["note"] for step in json.loads(run("history", "--json").output)] == ["From Weirford", "ours.toml"]
    assert "From Weirford" in run("history").output
    assert "counts again, as version 3" in run("undo", "--yes").output
    assert "no version 9" in run("undo", "9", "--yes").output
    out.write_text("[desk.ticket]\nlable = 1\n", encoding="utf-8")
    wrong = run("import", str(out), "--yes")
    assert wrong.exit_code == 1
    assert "did you mean" in wrong.output
    town_layer.save_draft(town, system("cli", "Bea"), EMPTY, follows=head(town))
    assert "A draft by Bea waits" in run("import", str(file), "--yes").output
    assert run("export", "--draft").output == ""
