"""What goes together: Townhall and all plugins are judged as a whole, in sentences, before anything changes."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from plugging import SCHEMA
from plugging import add_plugin
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import system
from townhall.cli import main
from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.errors import PluginError
from townhall.errors import RestartNeeded
from townhall.extend import states
from townhall.extend.compatibility import in_words
from townhall.lifecycle import previewing
from townhall.lifecycle import switching
from townhall.town import Town
from townhall.wsgi import TownApplication


def manifest(name: str, version: str = "1.0", more: str = "") -> str:
    return f'name = "{name}"\ntitle = "{name.title()}"\nversion = "{version}"\napi = ">=1,<2"\n{more}'


@pytest.mark.parametrize(
    ("range_", "words"),
    [
        (">=1.2", "1.2 or newer"),
        (">=1.2,<2", "1.2 or newer, older than 2"),
        ("==1.4", "exactly 1.4"),
        ("~=1.4", "1.4 or a later one of its series"),
        ("!=1.5,<=2", "not 1.5, 2 or older"),
    ],
)
def test_ranges_are_said_in_words(range_: str, words: str) -> None:
    """Nobody has to read specifiers."""
    assert in_words(range_) == words


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ('requires = ["lake>=1.2,<2"]', "Park 2.0 needs Lake 1.2 or newer, older than 2, and 1.1 is installed."),
        ('requires = ["pond >= 3"]', "Park 2.0 needs the plugin pond 3 or newer, which is not installed."),
        ('requires = ["pond"]', "Park 2.0 needs the plugin pond, which is not installed. Install it first."),
        ('requires = ["ring"]', "Park and Ring need each other, so neither can be the first to start."),
    ],
)
def test_what_blocks_what_is_a_sentence_at_each_door(make_town: Callable[..., Town], more: str, sentence: str) -> None:
    """The page, the list and the refusal say the same, and nothing changes."""
    town = make_town()
    add_plugin(town, "lake", manifest=manifest("lake", "1.1"))
    add_plugin(town, "ring", manifest=manifest("ring", "1", 'requires = ["park"]'))
    add_plugin(town, "park", manifest=manifest("park", "2.0", more))
    before = (town.generation(), set(town.schemas), set(town.database.get_tables()))
    with pytest.raises(PluginError) as refused:
        switching.enable(town, system(), "park")
    assert sentence in str(refused.value)
    assert (town.generation(), set(town.schemas), set(town.database.get_tables())) == before
    boss = staff_client(town, "administrator")
    assert sentence in plain(boss.get("/admin/plugins/"))
    assert sentence in main_of(boss.get("/admin/plugins/?on=park"))
    if town.database.engine == "sqlite":
        town.database.close()
        listed = CliRunner().invoke(main, ["--instance", str(town.instance), "plugins", "list"])
        assert sentence in listed.output
        tried = CliRunner().invoke(main, ["--instance", str(town.instance), "plugins", "enable", "park", "--yes"])
        assert (tried.exit_code, sentence in tried.output) == (1, True)


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        (
            {"lake": ('requires = ["pond"]', ">=2,<3"), "pond": ("", ">=1,<2")},
            "Park 1.0 needs Lake, which can't run. Lake 1.0 is made for plugin API 2 or newer, older than 3, and this "
            "Townhall has 1.0. Install a version of it that fits.",
        ),
        (
            {
                "lake": ('requires = ["pond"]', ">=1"),
                "pond": ('requires = ["ring"]', ">=1"),
                "ring": ('requires = ["lake"]', ">=1"),
            },
            "Park 1.0 needs Lake, which can't run. Lake, Pond and Ring need each other, so none of them can be the "
            "first to start. Ask whoever makes them.",
        ),
        ({"lake": ('requires = ["townhall>=9"]', ">=1")}, "townhall is no plugin; say in api which Townhall"),
        ({"lake": ("", "")}, "api: this is missing."),
    ],
)
def test_what_keeps_off_what_is_needed_is_told(
    make_town: Callable[..., Town], others: dict[str, tuple[str, str]], sentence: str
) -> None:
    """Who needs one that can't run can't either: the sentence goes down to the cause, and nothing changes."""
    town = make_town()
    add_plugin(town, "park", manifest=manifest("park", more='requires = ["lake"]'))
    for name, (more, api) in others.items():
        add_plugin(town, name, manifest=manifest(name, more=more).replace(">=1,<2", api))
    before = (town.generation(), set(town.schemas), set(town.database.get_tables()))
    with pytest.raises(PluginError) as refused:
        switching.enable(town, system(), "park")
    assert sentence in str(refused.value)
    assert (town.generation(), set(town.schemas), set(town.database.get_tables())) == before
    assert sentence in plain(staff_client(town, "administrator").get("/admin/plugins/"))


def test_two_that_want_different_versions_are_both_named(town: Town) -> None:
    """Nobody fetches the version that one asks for and then finds the other one stopped by it."""
    add_plugin(town, "lake", manifest=manifest("lake", "1.5"))
    for name, more in (("park", 'requires = ["lake<2"]'), ("ring", 'requires = ["lake>=2"]')):
        add_plugin(town, name, manifest=manifest(name, more=more))
    sentence = "Ring 1.0 needs Lake 2 or newer, and 1.5 is installed. Mind that Park 1.0 needs it older than 2."
    with pytest.raises(PluginError) as refused:
        switching.enable_all(town, system(), ("park", "ring"))
    assert str(refused.value) == sentence
    switching.enable(town, system(), "park")
    assert sentence in plain(staff_client(town, "administrator").get("/admin/plugins/"))


def test_what_is_broken_already_holds_up_nobody_else(town: Town) -> None:
    """A plugin whose new tables don't fit stays off, and any other can be switched on beside it."""
    folder = add_plugin(town, "park")
    switching.enable(town, system(), "park")
    schema = folder / "schemas" / "thing.toml"
    schema.write_text(schema.read_text(encoding="utf-8").replace('"text"', '"integer"'), encoding="utf-8")
    town.reload()
    assert "park" in town.plugins.problems
    add_plugin(town, "lake")
    assert switching.preview(town, "lake").problem == ""
    switching.enable(town, system(), "lake")
    assert set(town.plugins.running) - {"desk"} == {"lake"}


def test_named_twice_is_switched_once(town: Town) -> None:
    """A name that somebody types twice is one plugin."""
    add_plugin(town, "lake")
    assert previewing.preview(town, ("lake", "lake")).title == "Lake"
    switching.enable_all(town, system(), ("lake", "lake"))
    assert set(town.plugins.running) - {"desk"} == {"lake"}


def test_looking_ahead_on_the_page_runs_no_code(town: Town) -> None:
    """What only a plugin's code can tell is left open; when somebody says yes it runs, and is refused with a reason."""
    ran = town.instance / "ran"
    schema = SCHEMA.format(name="thing") + '[fields.shape]\ntype = "polygon"\n'
    add_plugin(town, "lake", code=f"open({str(ran)!r}, 'w').close()\nraise ValueError('no')\n")
    add_plugin(town, "park", code=f"open({str(ran)!r}, 'w').close()\n", schema=schema)
    boss = staff_client(town, "administrator")
    assert "1 table" in main_of(boss.get("/admin/plugins/?on=lake"))
    open_ = main_of(boss.get("/admin/plugins/?on=park"))
    assert "what Park keeps, because its schemas can't be read before its code runs" in html.unescape(open_)
    assert not ran.exists()
    said = boss.post("/admin/plugins/switch", {"name": "lake", "on": "1"}, follow_redirects=True)
    assert "lake: its code could not be imported: ValueError: no." in plain(said)
    said = boss.post("/admin/plugins/switch", {"name": "park", "on": "1"}, follow_redirects=True)
    assert "“polygon” is not a field type" in plain(said)
    assert ran.exists()
    assert set(town.plugins.running) == {"desk"}


def test_a_fitting_range_lets_in_and_an_upgrade_out_of_it_is_told(make_town: Callable[..., Town]) -> None:
    """When the other plugin's files become a version that doesn't fit, the one that needs it is off, and says why."""
    town = make_town()
    lake = add_plugin(town, "lake", manifest=manifest("lake", "1.4"))
    add_plugin(town, "park", manifest=manifest("park", "2.0", 'requires = ["lake>=1.2,<2"]'))
    switching.enable(town, system(), "park")
    assert set(town.plugins.running) == {"lake", "park"}
    (lake / "plugin.toml").write_text(manifest("lake", "2.0"), encoding="utf-8")
    town.reload()
    assert set(town.plugins.running) - {"desk"} == {"lake"}
    assert town.plugins.problems == {"park": "Park 2.0 needs Lake 1.2 or newer, older than 2, and 2.0 is installed."}
    assert town.schemas["park.thing"].frozen


def test_who_depends_is_known_without_files(town: Town) -> None:
    """A plugin that a broken one needs is not switched off before it: what is kept says so."""
    add_plugin(town, "lake")
    folder = add_plugin(town, "park", requires='requires = ["lake"]\n')
    switching.enable(town, system(), "park")
    (folder / "plugin.toml").unlink()
    town.reload()
    with pytest.raises(PluginError, match=r"Park needs Lake\. Switch that off first\."):
        switching.disable(town, system(), "lake")
    ahead = main_of(staff_client(town, "administrator").get("/admin/plugins/?off=lake"))
    assert "Park needs Lake. Switch that off first." in ahead
    assert "Switch off Lake" in ahead
    switching.disable(town, system(), "park")
    switching.disable(town, system(), "lake")


def test_a_look_ahead_names_all_that_changes(make_town: Callable[..., Town]) -> None:
    """Tables, permissions, menu, public forms, first records, settings and other plugins; later columns, not tables."""
    town = make_town()
    add_plugin(town, "lake")
    folder = add_plugin(
        town,
        "park",
        manifest=manifest("park", "1.0", 'requires = ["lake"]\n[settings.radius]\ntype = "integer"\ndefault = 50\n'),
    )
    (folder / "seeds").mkdir()
    (folder / "seeds" / "one.toml").write_text('type = "thing"\n[[records]]\nlabel = "Bench"\n', encoding="utf-8")
    tables = set(town.database.get_tables())
    told = {each.what: each.which for each in switching.preview(town, "park").additions}
    assert told["1 other plugin"] == "Lake, needed for it"
    assert told["2 tables"] == "lake_thing, park_thing"
    assert "For each kind: See, See internal fields, Add, Change" in told["14 permissions"]
    assert told["2 menu entries"] == "Things, Things"
    assert told["First records"] == "1 thing"
    assert told["1 setting"] == "Radius: 50"
    assert set(town.database.get_tables()) == tables
    switching.enable(town, system(), "park")
    switching.disable(town, system(), "park")
    schema = folder / "schemas" / "thing.toml"
    schema.write_text(schema.read_text(encoding="utf-8") + '[fields.trees]\ntype = "integer"\n', encoding="utf-8")
    told = {each.what: each.which for each in switching.preview(town, "park").additions}
    assert told["1 column"] == "park_thing.trees"
    assert told["1 kept record"] == "can be changed again"
    assert not {"2 tables", "First records"} & set(told)


def test_changed_code_needs_a_restart(make_town: Callable[..., Town], caplog: pytest.LogCaptureFixture) -> None:
    """A process whose plugin's code is another by now takes up nothing, runs on as it was, and says what to do."""
    town = make_town()
    folder = add_plugin(town, "park", code="ANSWER = 1\n")
    add_plugin(town, "lake")
    switching.enable(town, system(), "park")
    application = TownApplication(town)
    boss = staff_client(town, "administrator", application)
    (folder / "__init__.py").write_text("ANSWER = 2\n", encoding="utf-8")
    sentence = "The code of Park changed since Townhall was started. Restart Townhall to use it."
    assert sentence in plain(boss.get("/admin/plugins/"))
    refused = boss.follow(boss.post("/admin/plugins/switch", {"name": "lake", "on": "1"}))
    assert sentence in main_of(refused)
    with pytest.raises(RestartNeeded):
        town.renewed()
    with immediate(town.database):
        states.switch(town.system, "lake", True, at=town.clock.now(), by="Somebody else")
        meta.bump_generation(town.system)
    saved = boss.post("/admin/core/contact/new", {"family_name": "Moreau", "kind": "person"})
    assert saved.status_code in (302, 303), "what was switched elsewhere can't be taken up, and work goes on"
    assert application.town is town
    assert caplog.text.count(sentence) == 1
    off = boss.follow(boss.post("/admin/plugins/switch", {"name": "park", "on": "0"}))
    assert "Park is off" in main_of(off), "a plugin whose files are others by now can be switched off"
    assert application.town.plugins.running.keys() == {"lake"}


def test_code_of_a_plugin_that_was_off_is_not_mixed(make_town: Callable[..., Town]) -> None:
    """Switched on again with other files than were imported, it is refused until a restart; off, it disturbs nobody."""
    town = make_town()
    folder: Path = add_plugin(town, "park", code="ANSWER = 1\n")
    switching.enable(town, system(), "park")
    (folder / "__init__.py").write_text("ANSWER = 2\n", encoding="utf-8")
    switching.disable(town, system(), "park")
    town.renewed()
    with pytest.raises(PluginError, match="Restart Townhall to use it"):
        switching.enable(town, system(), "park")
    (folder / "__init__.py").write_text("ANSWER = 1\n", encoding="utf-8")
    switching.enable(town, system(), "park")
