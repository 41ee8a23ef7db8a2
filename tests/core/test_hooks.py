"""Every hook by name, through the doors at which it is heard: the examples of the reference page are one plugin, pets.

Each hook has a test called ``test_hook_<its name>``; a test below makes sure of it.
"""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from staff_client import main_of
from staff_client import plain

from townhall import ANONYMOUS
from townhall import Rejected
from townhall import hookspecs
from townhall import system
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.app import create_app
from townhall.cli import main
from townhall.clock import FixedClock
from townhall.demo import Demo
from townhall.deprecations import RemovedInTownhall2
from townhall.errors import NotFound
from townhall.errors import PluginError
from townhall.events import ical
from townhall.lifecycle import switching
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.testing.clients import StaffClient
from townhall.testing.clients import add_person
from townhall.town import Town

LICENCE = "pets.licence"
DOCS = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"
MANIFEST = 'name = "pets"\ntitle = "Pets"\nversion = "1.0.0"\napi = ">=1,<2"\n'
SCHEMA = """
[type]
name = "licence"
label = "Licence"
label_plural = "Licences"
title = "{name}"
number = "PL-{seq:04}"
contacts = ["owner"]
[fields.name]
type = "text"
required = true
search = true
privacy = "public"
[fields.owner]
type = "link"
to = "core.contact"
[fields.keeper]
type = "staff"
[fields.age]
type = "integer"
[fields.colour]
type = "text"
[fields.ends]
type = "date"
[fields.age_group]
type = "computed"
stores = "text"
compute = { hook = "age_group" }
[forms.public]
label = "License a pet"
fields = ["name"]
contact_field = "owner"
[workflow]
initial = "new"
[workflow.states]
new = { label = "New" }
granted = { label = "Granted", final = true }
[[workflow.transitions]]
name = "grant"
from = ["new"]
to = "granted"
by = ["staff"]
"""
IMPORTS = (
    "from townhall import Deadline, Finding, Flag, Notice, Panel, PanelRow, Rejected, for_types, hookimpl, system\n\n"
)


def examples() -> dict[str, str]:
    """The example of each hook in the reference page, by the hook's name."""
    sections = re.findall(r"^## `(\w+)\(.*?\)`\n(.*?)(?=^## |\Z)", DOCS.read_text(encoding="utf-8"), re.M | re.S)
    found = {}
    for name, text in sections:
        code = re.search(r"```python\n(.*?)```", text, re.S)
        assert code is not None, name
        found[name] = code.group(1)
    return found


def lay_out(town: Town, code: str) -> None:
    """The plugin's files, with this code."""
    folder = town.instance / "plugins" / "pets"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "schemas").mkdir(parents=True)
    (folder / "plugin.toml").write_text(MANIFEST, encoding="utf-8")
    (folder / "schemas" / "licence.toml").write_text(SCHEMA, encoding="utf-8")
    (folder / "__init__.py").write_text(IMPORTS + code, encoding="utf-8")


@pytest.fixture
def pets(town: Town) -> Town:
    """The town with the plugin of the examples on."""
    lay_out(town, "\n\n".join(examples().values()))
    switching.enable(town, system(), "pets")
    return town


def licence(town: Town, **values: Any) -> Record:
    """A licence."""
    return town.records.create(system(), LICENCE, {"name": "Rex", **values})


def unharmed(town: Town) -> None:
    """Nothing that the plugin did was written down as a failure."""
    town.failures.flush()
    assert town.failures.of("pets") == []


def test_every_hook_has_an_example_and_a_test() -> None:
    """A hook that nobody tries by its name, or that the reference shows no example of, is not finished."""
    assert examples().keys() == hookspecs.KINDS.keys()
    texts = [file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*hooks.py")]
    for name in hookspecs.KINDS:
        assert any(f"def test_hook_{name}(" in text for text in texts), name


def test_every_hook_is_used_by_a_plugin_of_ours() -> None:
    """Each hook has a real user, and our own plugins have no private door."""
    plugins = Path(__file__).parents[2] / "plugins"
    code = "\n".join(file.read_text(encoding="utf-8") for file in plugins.rglob("*.py"))
    for name in hookspecs.KINDS:
        assert re.search(rf"@hookimpl(?:\(.*\))?\n(?:@for_types\((?:.|\n)*?\)\n)?def {name}\(", code), name


def test_hook_compute_field(pets: Town) -> None:
    """A computed field has the value that the hook gives, from the record's other values."""
    assert licence(pets, age=12)["age_group"] == "old"
    young = licence(pets, age=3)
    assert young["age_group"] == "young"
    assert pets.records.update(system(), LICENCE, young.id, {"age": 10}, version=1)["age_group"] == "old"


def test_hook_before_save(pets: Town) -> None:
    """It adds values, and refuses in words at the field."""
    assert licence(pets)["colour"] == "brown"
    with pytest.raises(Rejected, match="No pet is that old") as refused:
        licence(pets, age=41)
    assert refused.value.field == "age"
    assert pets.records.count(system(), LICENCE).value == 1


def test_hook_guard_transition(pets: Town, signed_in: Callable[[str], StaffClient]) -> None:
    """A refused move stands on the page with the reason, can't be made by its address, and others can make it."""
    rae, sam = signed_in("clerk"), signed_in("administrator")
    id = next(option.id for option in pets.context(system()).staff() if option.title == "Clerk")
    mine = licence(pets, keeper=id)
    where = f"/admin/pets/licence/{mine.id}/"
    page = rae.get(where)
    assert "It is your own pet. A colleague must grant its licence." in main_of(page)
    assert f"{where}move/grant" not in page.text
    answer = rae.post(f"{where}move/grant", data={"version": 1}, follow_redirects=True)
    assert "It is your own pet" in plain(answer)
    actor = Actor("staff", "Rae", id, frozenset({"*"}), door="admin")
    with pytest.raises(Rejected, match="your own pet"):
        pets.records.transition(actor, LICENCE, mine.id, "grant", version=1)
    assert pets.records.get(system(), LICENCE, mine.id).state == "new"
    assert f"{where}move/grant" in sam.get(where).text
    sam.post(f"{where}move/grant", data={"version": 1})
    assert pets.records.get(system(), LICENCE, mine.id).state == "granted"
    unharmed(pets)


def test_hook_restrict(pets: Town, clerk: Actor, administrator: Actor) -> None:
    """What is kept back is nowhere: list, count, search, address, links, export, and what was said about it."""
    owner = pets.records.create(system(), "core.contact", {"kind": "person", "family_name": "Moreau"}).id
    shown, hidden = licence(pets, owner=owner), licence(pets, name="Zorro", colour="secret", owner=owner)
    about = f"{LICENCE}:{hidden.id}"
    said = {"channel": "phone", "direction": "in", "body": "Zorro barks", "about": about, "contact": owner}
    note = pets.records.create(system(), "core.interaction", said)
    records = pets.records
    assert [each.id for each in records.find(clerk, LICENCE).records] == [shown.id]
    assert records.count(clerk, LICENCE).value == 1
    assert records.aggregate(clerk, LICENCE, group_by=["colour"]) == [{"colour": "brown", "count": 1}]
    assert records.search(clerk, "Zorro")[0] == []
    assert records.search(clerk, hidden.number)[0] == []
    assert [option.title for option in records.lookup(clerk, LICENCE, "")] == ["Rex"]
    assert pets.context(clerk).titles(LICENCE, [shown.id, hidden.id]) == {shown.id: "Rex"}
    entries, _, counts = records.timeline(clerk, "core.contact", owner)
    assert "Zorro" not in str(entries)
    assert counts["talk"] == 0
    for ask in (
        lambda: records.get(clerk, LICENCE, hidden.id),
        lambda: records.by_number(clerk, LICENCE, hidden.number),
        lambda: records.history(clerk, LICENCE, hidden.id),
        lambda: records.update(clerk, LICENCE, hidden.id, {"age": 3}, version=1),
        lambda: records.transition(clerk, LICENCE, hidden.id, "grant", version=1),
        lambda: records.get(clerk, "core.interaction", note.id),
    ):
        with pytest.raises(NotFound):
            ask()
    assert records.count(clerk, "core.interaction").value == 0
    assert records.count(administrator, LICENCE).value == 2
    assert records.get(administrator, "core.interaction", note.id)["body"] == "Zorro barks"
    keeper = Actor("staff", "Kim", 99, clerk.permissions, door="admin")
    records.update(system(), LICENCE, hidden.id, {"keeper": 99}, version=1)
    assert records.count(keeper, LICENCE).value == 2
    unharmed(pets)


def test_hook_restrict_forgets_nothing_that_was_written_meanwhile(pets: Town, clerk: Actor) -> None:
    """One actor who reads, and reads again after a change, sees what holds then."""
    pet = licence(pets)
    assert pets.records.count(clerk, LICENCE).value == 1
    pets.records.update(system(), LICENCE, pet.id, {"colour": "secret"}, version=1)
    assert pets.records.count(clerk, LICENCE).value == 0


@pytest.mark.parametrize(
    "code",
    [
        "return 1 / 0",
        "return ['pets.licence']",
        "return {'pets.licence': {'nothing': 3}}",
        "return {'pets.licence': {'colour': {'like': 'x'}}}",
        "return {'pets.licence': 'brown'}",
        "return {'core.contact': {'kind': 'person'}}",
        "exit()",
    ],
)
def test_a_restriction_that_fails_shows_nothing(
    town: Town, clerk: Actor, administrator: Actor, signed_in: Callable[[str], StaffClient], code: str
) -> None:
    """Reading fails closed: nobody but whoever looks after plugins sees the records, and the list says why."""
    lay_out(town, f'@hookimpl\n@for_types("{LICENCE}")\ndef restrict():\n    {code}\n')
    switching.enable(town, system(), "pets")
    pet = licence(town)
    assert town.records.count(clerk, LICENCE).value == 0
    with pytest.raises(NotFound):
        town.records.get(clerk, LICENCE, pet.id)
    assert town.records.count(administrator, LICENCE).value == 1
    rae = signed_in("clerk")
    page = rae.get("/admin/pets/licence/")
    assert "Pets decides who may see licences and can't at the moment" in plain(page)
    assert rae.get("/admin/").status_code == 200
    assert town.records.count(system(), LICENCE).value == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("@hookimpl\ndef restrict():\n    pass\n", "names no types"),
        ('@hookimpl\n@for_types("core.contact")\ndef restrict():\n    pass\n', "not a type of its own"),
        (f'@hookimpl\n@for_types("{LICENCE}")\ndef home_cards():\n    pass\n', "is not about records"),
    ],
)
def test_a_hook_that_would_mean_something_else_keeps_its_plugin_off(town: Town, code: str, said: str) -> None:
    """A restriction names types of its own; a hook that isn't about records names none."""
    lay_out(town, code)
    with pytest.raises(PluginError, match=said):
        switching.enable(town, system(), "pets")


def test_hook_after_save(pets: Town) -> None:
    """It is told of what is committed, and writes records itself."""
    pet = licence(pets)
    pets.records.transition(system(), LICENCE, pet.id, "grant", version=1)
    notes = pets.records.find(system(), "core.interaction", fields=["body", "about"]).records
    assert [(note["body"], note["about"].id) for note in notes] == [("Send a tag for its collar.", pet.id)]


def test_hook_record_panels(pets: Town, signed_in: Callable[[str], StaffClient]) -> None:
    """Its panel stands on the record's page, with lines that lead to other records."""
    first, second = licence(pets), licence(pets, name="Mia")
    clerk = signed_in("clerk")
    page = clerk.get(f"/admin/pets/licence/{first.id}/")
    assert "Of the same colour" in plain(page)
    assert f"/admin/pets/licence/{second.id}/" in page.text
    unharmed(pets)


def test_hook_record_flags(pets: Town, signed_in: Callable[[str], StaffClient]) -> None:
    """Its flag stands beside the title of the records that it is about."""
    rex, mia = licence(pets), licence(pets, name="Mia")
    clerk = signed_in("clerk")
    assert "Bites" in main_of(clerk.get(f"/admin/pets/licence/{rex.id}/"))
    assert "Bites" not in main_of(clerk.get(f"/admin/pets/licence/{mia.id}/"))


def test_hook_public_panels(pets: Town) -> None:
    """Its panel stands on the page that a citizen opens with the link."""
    pet = licence(pets)
    token = pets.records.make_link(system(), LICENCE, pet.id, "status")
    visitor = Client(create_app(pets))
    page = visitor.get(f"/status/{pet.number}/{token}", follow_redirects=True)
    assert page.status_code == 200
    assert "Fetch it at the counter once the licence is granted." in plain(page)
    actor = citizen(frozenset({(LICENCE, pet.id)}))
    assert [panel.label for panel in pets.plugins.public_panels(actor, pets.records.get(actor, LICENCE, pet.id))] == [
        "The tag"
    ]


def test_hook_home_cards(pets: Town, signed_in: Callable[[str], StaffClient]) -> None:
    """Its card stands on "My work" while there is something on it."""
    clerk = signed_in("clerk")
    assert "Very old pets" not in plain(clerk.get("/admin/"))
    pet = licence(pets, name="Methuselah", age=30)
    page = clerk.get("/admin/")
    assert "Very old pets" in plain(page)
    assert f"/admin/pets/licence/{pet.id}/" in page.text
    unharmed(pets)


def test_hook_calendar_entries(pets: Town, clerk: Actor, signed_in: Callable[[str], StaffClient]) -> None:
    """Its days stand on the calendar and in the feed, for those who may see their records only."""
    day = pets.today().isoformat()
    pet = licence(pets, ends=day)
    licence(pets, name="Zorro", ends=day, colour="secret")
    page = signed_in("clerk").get("/admin/calendar/")
    assert "Rex ends" in plain(page)
    assert f"/admin/pets/licence/{pet.id}/" in page.text
    assert "Zorro" not in page.text
    feed = ical.feed_text(pets, clerk)
    assert "Licence: Rex ends" in feed
    assert "Zorro" not in feed
    assert feed.count("UID:") == 1
    unharmed(pets)


def test_hook_public_notices(pets: Town) -> None:
    """Its notice stands on the public home page and leads on."""
    page = Client(create_app(pets)).get("/")
    assert "Dogs on a lead in Weir Park" in plain(page)
    assert '<a href="/services">' in page.text


@pytest.mark.parametrize("path", ["//elsewhere.example", "https://elsewhere.example", "/\\\\elsewhere", "javascript:x"])
def test_a_notice_leads_nowhere_else(town: Town, path: str) -> None:
    """A link from the home page stays on this site."""
    lay_out(town, f'@hookimpl\ndef public_notices():\n    return [Notice("News", path={path!r})]\n')
    switching.enable(town, system(), "pets")
    page = Client(create_app(town)).get("/")
    assert page.status_code == 200
    assert "News" not in plain(page)


def test_hook_health_checks(pets: Town, engine: str) -> None:
    """What it finds stands in the doctor's report."""
    assert [each.message for each in pets.plugins.health_checks()] == ["0 wait to be granted."]
    if engine == "postgresql":
        return  # the command opens the town of the settings' file, which is on SQLite
    result = CliRunner().invoke(main, ["--instance", str(pets.instance), "doctor", "--json"])
    told = {each["subject"]: each for each in json.loads(result.output)}
    assert told["pet licences"] == {"subject": "pet licences", "good": True, "message": "0 wait to be granted."}


def test_hook_admin_views(pets: Town, signed_in: Callable[[str], StaffClient]) -> None:
    """Its page stands below /admin/."""
    assert signed_in("clerk").get("/admin/pets_colours/").text == "Brown, black and white."


def test_hook_demo_records(pets: Town) -> None:
    """A demo town has its records."""
    pets.plugins.demo_records(Demo(pets, {"Rae": add_person(pets, "rae@milbrook.example", "clerk")}))
    assert {each.title for each in pets.records.find(system(), LICENCE).records} >= {"Rex", "Mia"}


def test_a_hook_that_goes_away_still_works_and_warns(
    town: Town, monkeypatch: pytest.MonkeyPatch, signed_in: Callable[[str], StaffClient]
) -> None:
    """Its plugin's tests are warned, the plugin's page says what to use instead, and the hook is asked as before."""
    instead = RemovedInTownhall2("Use record_flags instead of old_flags.")

    @hookspecs.reacting(0.5, typed=True, goes=instead)
    def old_flags(record: Any) -> None:
        """Flags as they were once."""

    monkeypatch.setattr(hookspecs, "old_flags", old_flags, raising=False)
    monkeypatch.setitem(hookspecs.KINDS, "old_flags", old_flags.townhall_kind)  # type: ignore[attr-defined,arg-type]
    lay_out(town, "@hookimpl\ndef old_flags(record):\n    return None\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        switching.enable(town, system(), "pets")
    assert any(isinstance(each.message, RemovedInTownhall2) for each in caught)
    page = signed_in("administrator").get("/admin/plugins/pets/")
    assert "Use record_flags instead of old_flags." in plain(page)
    assert town.plugins.has("old_flags", LICENCE)


def test_the_public_is_restricted_too(town: Town) -> None:
    """What a plugin keeps back is not on the public site either."""
    answer = {LICENCE: {"colour": "brown"}}
    lay_out(town, f'@hookimpl\n@for_types("{LICENCE}")\ndef restrict():\n    return {answer}\n')
    file = town.instance / "plugins" / "pets" / "schemas" / "licence.toml"
    file.write_text(SCHEMA.replace("[fields.name]", 'public_if = { name = "Rex" }\n[fields.name]'), encoding="utf-8")
    switching.enable(town, system(), "pets")
    licence(town, colour="secret")
    assert town.records.count(ANONYMOUS, LICENCE).value == 0
    licence(town, colour="brown")
    assert town.records.count(ANONYMOUS, LICENCE).value == 1


def test_deadlines_keep_their_day(pets: Town, clerk: Actor, clock: FixedClock) -> None:
    """A day of a plugin's stands on its day only."""
    from townhall.events import calendar

    licence(pets, ends="2026-05-02")
    start, end = datetime(2026, 5, 3, 12, tzinfo=UTC), datetime(2026, 5, 9, tzinfo=UTC)
    assert calendar.entries(pets, clerk, start, end) == []
    assert [each.title for each in calendar.entries(pets, clerk, datetime(2026, 5, 2, 12, tzinfo=UTC), end)] == [
        "Rex ends"
    ]


@pytest.mark.parametrize("code", ["return 1 / 0", "yield 'never run'", "exit()", "raise RecursionError"])
def test_a_guard_that_fails_lets_no_move_through(
    town: Town, signed_in: Callable[[str], StaffClient], code: str
) -> None:
    """A move that can't be checked isn't made, and the page says why there is no button."""
    lay_out(town, f'@hookimpl\n@for_types("{LICENCE}")\ndef guard_transition():\n    {code}\n')
    switching.enable(town, system(), "pets")
    pet = licence(town)
    with pytest.raises(Rejected, match="Pets could not check this"):
        town.records.transition(system(), LICENCE, pet.id, "grant", version=1)
    assert town.records.get(system(), LICENCE, pet.id).state == "new"
    page = signed_in("clerk").get(f"/admin/pets/licence/{pet.id}/")
    assert "Pets could not check this" in main_of(page)
    assert "move/grant" not in page.text
