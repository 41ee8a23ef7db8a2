"""The shipped plugins' schemas: they load together, and what they promise the public and the clerk holds."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from townhall.lifecycle import seeds
from townhall.records import work
from townhall.town import CORE_FOLDERS
from townhall_forms.loading import load_schemas
from townhall_forms.loading import read_folder
from townhall_forms.operands import Environment
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

ROOT = Path(__file__).parents[2]
PLUGINS = ("complaints", "grants", "recruitment", "economic_development")


def _load(*plugins: str) -> Schemas:
    sources = []
    for domain in CORE_FOLDERS:
        sources += read_folder("core", ROOT / "core" / "townhall" / domain / "schemas", frozenset())
    for name in plugins:
        sources += read_folder(name, ROOT / "plugins" / f"townhall_{name}" / "schemas", frozenset())
    return load_schemas(sources)


ALL = _load(*PLUGINS)
CASES = [record_type for record_type in ALL.values() if record_type.workflow is not None]
PUBLIC = [record_type for record_type in ALL.values() if record_type.public is not None]
WITH_FORMS = [record_type for record_type in ALL.values() if record_type.forms]


def _identity(record_type: RecordType) -> str:
    return record_type.identity


@pytest.mark.parametrize("plugin", PLUGINS)
def test_each_plugin_needs_only_core(plugin: str) -> None:
    """A town may switch on any one of the plugins alone."""
    assert any(record_type.plugin == plugin for record_type in _load(plugin).values())


@pytest.mark.parametrize("record_type", CASES, ids=_identity)
def test_overdue_means_the_same_in_every_list(record_type: RecordType) -> None:
    """The view of what is overdue has all open cases that are due, like My work and figures: who waits is not due."""
    views = [view for view in record_type.list.views if view.name == "overdue"]
    where = next((view.where for view in views if view.where is not None and "due" in view.where.paths()), None)
    if where is None:  # it has no such view, or goes by a day of its own
        return
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    moment = Environment(now=now, today=now.date(), actor_id=None, zone=ZoneInfo("UTC"))
    late = {"closed": None, "due": now - timedelta(days=1)}
    states = (
        [state.name for state in record_type.workflow.states.values() if not state.final]
        if record_type.workflow
        else []
    )
    found = [state for state in states if where.evaluate({**late, "state": state}.get, moment)]
    assert found == work.states(record_type, "open")
    waits = {"closed": None, "due": None, "state": found[0]}
    assert not where.evaluate(waits.get, moment)


@pytest.mark.parametrize("record_type", CASES, ids=_identity)
def test_every_state_leads_to_an_end(record_type: RecordType) -> None:
    """From every state of a case some chain of moves that staff may make ends in a final state."""
    workflow = record_type.workflow
    assert workflow is not None
    ending = {name for name, state in workflow.states.items() if state.final}
    while True:
        more = {
            source
            for move in workflow.transitions
            if "staff" in move.by and move.target in ending
            for source in move.sources
        }
        if more <= ending:
            break
        ending |= more
    assert ending == set(workflow.states)


@pytest.mark.parametrize("record_type", CASES, ids=_identity)
def test_words_for_citizens_are_not_the_inner_names(record_type: RecordType) -> None:
    """Every state and every move of citizens has words of its own for citizens, where citizens may look."""
    workflow = record_type.workflow
    assert workflow is not None
    for move in workflow.transitions:
        if "citizen" in move.by:
            assert move.public_label, move.name
    if record_type.forms or record_type.public:
        assert all(state.public_label for state in workflow.states.values())


@pytest.mark.parametrize("record_type", [each for each in CASES if each.navigation == "records"], ids=_identity)
def test_cases_have_views_of_open_work(record_type: RecordType) -> None:
    """The list of every case offers at least one view, and shows the state."""
    assert record_type.list.views
    assert "state" in record_type.list.columns


@pytest.mark.parametrize("record_type", PUBLIC, ids=_identity)
def test_public_pages_show_public_fields_only(record_type: RecordType) -> None:
    """Public lists belong to types that say which records are public, and show nothing but public fields."""
    assert record_type.public_if is not None
    assert record_type.public is not None
    for name in (*record_type.public.columns, *record_type.public.fields, *record_type.public.filters):
        field = record_type.field(name)
        assert field is not None
        assert name in record_type.system_fields or field.privacy == "public", name


@pytest.mark.parametrize("record_type", WITH_FORMS, ids=_identity)
def test_public_forms_ask_all_that_is_needed(record_type: RecordType) -> None:
    """A public form asks every required field that has no default and that neither `per` nor the contact fills."""
    for form in record_type.forms.values():
        for name, field in record_type.fields.items():
            if field.required and field.default is None and name not in (form.contact_field, form.per):
                assert name in form.fields, f"{form.name} must ask {name}"


def test_no_confidential_field_is_listed() -> None:
    """Confidential fields are no columns and no filters of any list."""
    for record_type in ALL.values():
        for name in (*record_type.list.columns, *record_type.list.filters):
            field = record_type.field(name.partition(".")[0])
            assert field is not None
            assert field.privacy != "confidential", f"{record_type.identity}: {name}"


def test_equal_opportunity_answers_know_nobody() -> None:
    """Equal opportunity answers link to the job only, neither to a person nor to an application."""
    answers = ALL["recruitment.eeo_response"]
    assert [field.target for field in answers.fields.values() if field.target] == ["recruitment.posting"]
    assert not answers.contacts


@pytest.mark.parametrize("file", sorted(ROOT.glob("plugins/*/seeds/*.toml")), ids=lambda file: file.stem)
def test_seeds_name_a_type_of_their_plugin(file: Path) -> None:
    """A file of first records names a type of the plugin that ships it, or targets for its cases, and has records."""
    plugin = file.parents[1].name.removeprefix("townhall_")
    name, rows = seeds.read(file)
    if name == seeds.TARGET:
        assert all(ALL[row["case_type"]].is_case and row["case_type"].startswith(f"{plugin}.") for row in rows)
    else:
        assert name == seeds.TEMPLATE or f"{plugin}.{name}" in ALL
    assert rows
