"""Hooks: each implementation runs alone; those that decide refuse when they fail, those that react are contained."""

from __future__ import annotations

import logging
from textwrap import dedent

import pytest

from townhall.access.actors import system
from townhall.errors import Rejected
from townhall.extend.values import Change
from townhall.extend.values import Panel
from townhall.lifecycle import switching
from townhall.town import Town

SCHEMA = """
[type]
name = "thing"
title = "{label}"
[fields.label]
type = "text"
required = true
[fields.note]
type = "text"
[fields.length]
type = "computed"
stores = "integer"
compute = { hook = "length" }
"""


def switch_on(town: Town, name: str, code: str) -> None:
    """Lay a plugin with this code into the town and switch it on."""
    folder = town.instance / "plugins" / name
    (folder / "schemas").mkdir(parents=True)
    manifest = f'name = "{name}"\ntitle = "{name.title()}"\nversion = "1.0.0"\napi = ">=1,<2"\n'
    (folder / "plugin.toml").write_text(manifest, encoding="utf-8")
    (folder / "schemas" / "thing.toml").write_text(SCHEMA, encoding="utf-8")
    text = "import townhall\nfrom townhall import *\nfrom townhall import hookimpl\n" + dedent(code)
    (folder / "__init__.py").write_text(text, encoding="utf-8")
    switching.enable(town, system(), name)


def test_before_save_adds_values_and_sees_what_others_added(town: Town) -> None:
    """What one plugin sets is saved, and the next one sees it."""
    switch_on(
        town,
        "first",
        """
        @hookimpl
        def before_save(change):
            if change.identity == "first.thing" and change.action == "create":
                return {"note": "from first"}
        """,
    )
    switch_on(
        town,
        "second",
        """
        @hookimpl(trylast=True)
        def before_save(change):
            if change.identity == "first.thing" and change.values.get("note"):
                return {"note": change.values["note"] + ", seen by second"}
        """,
    )
    record = town.records.create(system(), "first.thing", {"label": "Bench"})
    assert town.records.get(system(), "first.thing", record.id)["note"] == "from first, seen by second"


def test_before_save_refuses_with_its_own_sentence(town: Town) -> None:
    """Rejected reaches the person, and nothing is written."""
    switch_on(
        town,
        "park",
        """
        @hookimpl
        def before_save(change):
            if change.values.get("label") == "Bench":
                raise Rejected("No more benches.", "label")
        """,
    )
    with pytest.raises(Rejected, match="No more benches"):
        town.records.create(system(), "park.thing", {"label": "Bench"})
    assert town.records.count(system(), "park.thing").value == 0


def test_a_deciding_hook_that_fails_refuses_in_words(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """A bug in a deciding hook saves nothing, says so without its traceback, and is logged with it."""
    switch_on(
        town,
        "park",
        """
        @hookimpl
        def before_save(change):
            if change.identity == "park.thing":
                1 / 0
        """,
    )
    with caplog.at_level(logging.ERROR), pytest.raises(Rejected, match="Park could not check this") as caught:
        town.records.create(system(), "park.thing", {"label": "Bench"})
    assert "ZeroDivision" not in str(caught.value)
    assert "ZeroDivisionError" in caplog.text
    assert town.records.count(system(), "park.thing").value == 0
    town.records.create(system(), "desk.topic", {"name": "Roads"})


def test_a_deciding_hook_that_answers_nonsense_refuses(town: Town) -> None:
    """before_save must return a mapping or nothing."""
    switch_on(town, "park", "@hookimpl\ndef before_save():\n    return 'yes'\n")
    with pytest.raises(Rejected):
        town.records.create(system(), "park.thing", {"label": "Bench"})


def test_compute_field_fills_a_field_with_a_hook(town: Town) -> None:
    """The first plugin that knows a computed field gives its value."""
    switch_on(
        town,
        "park",
        """
        @hookimpl
        def compute_field(identity, name, values):
            if identity == "park.thing" and name == "length":
                return len(values["label"])
        """,
    )
    record = town.records.create(system(), "park.thing", {"label": "Bench"})
    assert record["length"] == 5


def test_after_save_is_told_once_and_its_failure_is_contained(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """One plugin's failure after a save neither undoes it nor keeps others from hearing of it."""
    switch_on(
        town,
        "broken",
        """
        @hookimpl(tryfirst=True)
        def after_save(change):
            raise RuntimeError("no")
        """,
    )
    switch_on(
        town,
        "park",
        """
        @hookimpl
        def after_save(town, change):
            if change.identity == "park.thing" and change.action == "create":
                new = {"note": "heard"}
                town.records.update(townhall.system(), "park.thing", change.id, new, version=1)
        """,
    )
    with caplog.at_level(logging.ERROR):
        record = town.records.create(system(), "park.thing", {"label": "Bench"})
    assert town.records.get(system(), "park.thing", record.id)["note"] == "heard"
    assert "Plugin broken failed in after_save" in caplog.text


def test_panels_and_flags_are_gathered_and_a_failure_is_a_line(town: Town) -> None:
    """Each panel knows its plugin; one that fails leaves a plain line in its place; at most four flags."""
    switch_on(
        town,
        "park",
        """
        @hookimpl
        def record_panels(record):
            return [Panel(label="Trees nearby", rows=[PanelRow("Oak", "park.thing", record.id)])]

        @hookimpl
        def record_flags():
            return [Flag(str(number)) for number in range(6)]
        """,
    )
    switch_on(
        town,
        "broken",
        """
        @hookimpl
        def record_panels():
            return ["not a panel"]

        @hookimpl
        def record_flags():
            raise RuntimeError("no")
        """,
    )
    record = town.records.create(system(), "park.thing", {"label": "Bench"})
    panels = {panel.plugin: panel for panel in town.plugins.record_panels(system(), record)}
    assert (panels["park"].label, panels["park"].problem) == ("Trees nearby", "")
    assert panels["broken"].problem == "Broken could not show this. Everything else works."
    assert [flag.label for flag in town.plugins.record_flags(system(), record)] == ["0", "1", "2", "3"]


def test_what_a_failing_hook_wrote_is_undone(town: Town) -> None:
    """Inside a transaction a failing implementation's own writes are rolled back with it."""
    switch_on(
        town,
        "park",
        """
        @hookimpl
        def record_panels(town):
            town.records.create(townhall.system(), "park.thing", {"label": "Ghost"})
            raise RuntimeError("no")
        """,
    )
    record = town.records.create(system(), "park.thing", {"label": "Bench"})
    with town.database.atomic():
        town.plugins.record_panels(system(), record)
    assert town.records.count(system(), "park.thing").value == 1


def test_a_wrapper_around_other_plugins_is_not_allowed(town: Town) -> None:
    """A hook that wraps the others could lose their results, so the plugin stays off."""
    with pytest.raises(Exception, match="wraps other plugins' hooks"):
        switch_on(
            town,
            "park",
            """
            @hookimpl(wrapper=True)
            def before_save():
                return (yield)
            """,
        )


def test_a_town_without_hooks_asks_nobody(town: Town) -> None:
    """has() lets fast paths skip the work; with no implementations every answer is empty."""
    assert not town.plugins.has("before_save")
    change = Change("desk.topic", "create", system(), {"name": "x"})
    assert town.plugins.before_save(change) == {}
    assert town.plugins.compute_field("desk.topic", "a", "b", {}) is None
    switch_on(town, "park", "@hookimpl\ndef before_save():\n    pass\n")
    assert town.plugins.has("before_save")


def test_an_implementation_is_asked_about_the_types_that_it_names(town: Town) -> None:
    """@for_types keeps an implementation from being called, and records from asking, for all other types."""
    switch_on(
        town,
        "park",
        """
        @hookimpl
        @for_types("park.thing", "desk.topic")
        def before_save(change):
            return {"note": "seen"} if change.identity == "park.thing" else {"group": change.values["nothing"]}
        """,
    )
    assert town.plugins.has("before_save", "park.thing")
    assert town.plugins.has("before_save", "desk.topic")
    assert not town.plugins.has("before_save", "core.contact")
    record = town.records.create(system(), "park.thing", {"label": "Bench"})
    assert town.records.get(system(), "park.thing", record.id)["note"] == "seen"
    town.records.create(system(), "core.contact", {"kind": "person", "family_name": "Moreau"})
    with pytest.raises(Rejected):
        town.records.create(system(), "desk.topic", {"name": "Potholes"})


def test_a_change_knows_what_changed() -> None:
    """Change.changed compares the old value with the new one."""
    change = Change("a.b", "update", system(), {"x": 1, "y": 2}, before={"x": 1, "y": 3})
    assert not change.changed("x")
    assert change.changed("y")
    assert Panel(label="x").problem == ""


CASE = (
    '[type]\nname = "call"\ntitle = "{label}"\n[fields.label]\ntype = "text"\nrequired = true\n'
    '[fields.priority]\ntype = "choice"\ndefault = "low"\n'
    'choices = [{ value = "low" }, { value = "high" }]\n'
    '[workflow]\ninitial = "new"\n[workflow.states.new]\n[workflow.states.done]\nfinal = true\n'
    '[[workflow.transitions]]\nname = "finish"\nfrom = ["new"]\nto = "done"\nby = ["staff"]\n'
)


def test_hook_route_case(town: Town) -> None:
    """The first plugin that answers says where a case goes; what somebody chose stays, and reasons are kept."""
    queues = [town.records.create(system(), "core.queue", {"name": name}).id for name in ("Day", "Night")]
    folder = town.instance / "plugins" / "calls"
    (folder / "schemas").mkdir(parents=True)
    head = 'name = "calls"\ntitle = "Calls"\nversion = "1.0.0"\napi = ">=1,<2"\n'
    (folder / "plugin.toml").write_text(head, encoding="utf-8")
    (folder / "schemas" / "call.toml").write_text(CASE, encoding="utf-8")
    switching.enable(town, system(), "calls")
    switch_on(
        town,
        "shifts",
        f"""
        @hookimpl
        @townhall.for_types("calls.call")
        def route_case(change):
            if change.values["label"] == "Nothing":
                return None
            if change.values["label"] == "Refused":
                raise Rejected("Nobody takes these.", "label")
            if change.values["label"] == "Odd":
                return {{"queue": 1}}
            return Assignment(queue={queues[1]}, priority="high", reason="  The \\n plan  ")
        """,
    )
    call = "calls.call"
    made = town.records.create(system(), call, {"label": "Late"})
    assert (made.queue, made["priority"], made.assignee) == (queues[1], "high", None)
    table = town.system.case_route
    kept = table.select(table.decided_by, table.plugin, table.reason, table.queue_id).tuples()
    assert list(kept) == [("plugin", "shifts", "The plan", queues[1])]
    chosen = town.records.create(system(), call, {"label": "Late", "queue": queues[0], "priority": "high"})
    assert (chosen.queue, chosen["priority"]) == (queues[0], "high")
    assert town.records.create(system(), call, {"label": "Nothing"}).queue is None
    for label, message in (("Refused", "Nobody takes these."), ("Odd", "")):
        with pytest.raises(Rejected, match=message or "."):
            town.records.create(system(), call, {"label": label})
    assert town.records.count(system(), call).value == 3
