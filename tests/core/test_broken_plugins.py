"""Whatever a plugin does wrong concerns that plugin, and nobody else.

With each of those in ``tests/broken_plugins`` switched on, and with all of them together, every page of core gives its
proper answer, core's records are saved, and no decision is let through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from html import unescape

import pytest
from broken import ALL
from broken import BROUGHT_UP
from broken import PERSON
from broken import Hall
from broken import count
from broken import make_hall
from staff_client import main_of
from staff_client import plain
from werkzeug.test import TestResponse

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.admin import urls
from townhall.clock import FixedClock
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.jobs import overview
from townhall.jobs.scheduler import work_once
from townhall.lifecycle import describing
from townhall.town import Town

#: Plugins that can't start at all, by the stage at which that shows.
STAGES = {
    "manifest_": "manifest",
    "requires_": "requires",
    "settings_": "settings",
    "schema_": "schemas",
    "import_": "import",
    "hook_": "hooks",
    "migration_": "migration",
}
UNABLE = {name: stage for name in ALL for start, stage in STAGES.items() if name.startswith(start)}
DECIDING = [name for name in ALL if name.startswith(("decide_", "compute_"))]
#: Plugins that decide about every type of record: nothing can be saved with them.
ABOUT_EVERYTHING = {"decide_about_everything", "all_exit"}
MOMENT = datetime(2026, 3, 17, 16, 0, tzinfo=UTC)
CLERK = Actor("staff", "Erin Clerk", 7, ROLES["clerk"].permissions, door="admin")


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """The hall on SQLite, for the whole matrix."""
    made = make_hall(tmp_path_factory.mktemp("hall") / "town", FixedClock(MOMENT))
    yield made
    made.town.close()


def bad_answers(hall: Hall, *names: str) -> list[str]:
    """Core's pages that don't give their proper answer."""
    contact, ticket = f"/admin/core/contact/{hall.contact}/", f"/admin/desk/ticket/{hall.ticket}/"
    staff = {
        "/admin/": 200,
        "/admin/core/contact/": 200,
        "/admin/core/contact/new": 200,
        contact: 200,
        f"{contact}edit": 200,
        f"{contact}history": 200,
        "/admin/core/contact/999999/": 404,
        "/admin/desk/ticket/": 200,
        ticket: 200,
        "/admin/search/?q=Moreau": 200,
        "/admin/calendar/": 200,
        "/admin/jobs/": 200,
        "/admin/jobs/core.clean_drafts/": 200,
        "/admin/plugins/": 200,
        "/admin/settings/": 200,
        "/admin/people": 200,
        **{f"/admin/plugins/{name}/": 200 for name in names},
    }
    street = {
        "/": 200,
        "/search?q=report": 200,
        "/privacy": 200,
        "/requests/": 200,
        "/requests/T-2026-9999": 404,
        "/apply/desk/ticket/public?topic=1": 200,
        "/open/nobody/nothing/": 404,
        "/admin/sign-in": 200,
        "/admin/core/contact/": 302,
        "/health": 200,
        "/town.css": 200,
        "/static/townhall.css": 200,
        "/robots.txt": 200,
    }
    found = []
    for visitor, pages in ((hall.desk, staff), (hall.street, street)):
        for url, wanted in pages.items():
            response = visitor.get(url)
            text = response.text
            response.close()
            if response.status_code != wanted:
                found.append(f"{url}: {response.status_code} instead of {wanted}")
            if "mine now" in text.lower() or "<script>alert" in text:
                found.append(f"{url}: shows what a plugin put there")
    if "Moreau" not in main_of(hall.desk.get(contact)) or "Deep hole" not in main_of(hall.desk.get(ticket)):
        found.append("a record's page doesn't show the record")
    return found


def saves(hall: Hall) -> TestResponse:
    """What comes of a contact that a clerk adds in the form."""
    hall.desk.get("/admin/core/contact/new")
    return hall.desk.post("/admin/core/contact/new", PERSON)


@pytest.mark.parametrize("name", ALL)
def test_core_goes_on_with_each_of_them(hall: Hall, name: str) -> None:
    """Every page of core answers, and core's records are saved, except where the plugin decides about these too."""
    with hall.on(name) as town:
        assert bad_answers(hall, name) == []
        before = count(town, "core.contact")
        response = saves(hall)
        if name in ABOUT_EVERYTHING:
            assert response.status_code == 422
            assert "could not check this, so nothing was saved" in plain(response)
            assert count(town, "core.contact") == before
        else:
            assert response.status_code == 302, main_of(response)
            assert count(town, "core.contact") == before + 1
            town.records.update(
                CLERK, "core.contact", hall.contact, {"given_name": name.title()}, version=version(hall)
            )
        assert ("core.contact" in town.schemas, "desk.ticket" in town.schemas) == (True, True)
        if name in UNABLE:
            assert name not in town.plugins.running
            failure = town.failures.of(name)[0]
            assert failure.stage == UNABLE[name]
            assert failure.message


def version(hall: Hall) -> int:
    """The version of the contact."""
    return hall.town.records.get(system(), "core.contact", hall.contact).version


def test_core_goes_on_with_all_of_them(hall: Hall) -> None:
    """With all broken plugins together, pages answer and each plugin in trouble is told once on the plugins page."""
    with hall.on(*ALL) as town:
        assert bad_answers(hall, *ALL) == []
        assert saves(hall).status_code == 422
        listed = main_of(hall.desk.get("/admin/plugins/"))
        for name in UNABLE:
            title = name.replace("_", " ").capitalize()
            assert title in listed or name in listed
            assert town.plugins.problems[name]
        assert set(UNABLE) <= set(describing.troubled(town))
        hall.desk.post("/admin/plugins/nothing", {})
        menu = plain(hall.desk.get("/admin/"))
        assert re.search(rf"Plugins {len(describing.troubled(town))} need attention", menu)


@pytest.mark.parametrize("name", DECIDING)
def test_no_decision_is_let_through(hall: Hall, name: str) -> None:
    """Whatever a deciding hook does instead of deciding, nothing is written, by no door, and it is written down why."""
    identity = f"{name}.thing"
    with hall.on(name) as town:
        for act in (
            lambda: town.records.create(system(), identity, {"label": "Moreau"}),
            lambda: town.records.create(CLERK, identity, {"label": "Moreau"}),
        ):
            with pytest.raises(TownhallError) as refused:
                act()
            assert isinstance(refused.value, Rejected)
            assert "could not check this, so nothing was saved" in str(refused.value)
        outcomes = town.records.import_rows(system(), identity, [{"label": "Moreau"}])
        assert all(outcome.errors for outcome in outcomes)
        hall.desk.get(f"/admin/{name}/thing/new")
        response = hall.desk.post(f"/admin/{name}/thing/new", {"label": "Moreau"})
        assert response.status_code == 422
        assert "could not check this" in main_of(response)
        assert count(town, identity) == 0
        assert not town.records.find(system(), "core.contact", {"family_name": "Ghost"}).records
        failures = [failure for failure in town.failures.of(name) if failure.stage == "call"]
        assert sum(failure.count for failure in failures) >= 4
        assert "Moreau" not in json.dumps([(failure.message, failure.trace) for failure in failures])


@pytest.mark.parametrize("name", [name for name in BROUGHT_UP if name in UNABLE])
def test_an_upgrade_that_breaks_leaves_the_records_as_they_were(hall: Hall, name: str) -> None:
    """The plugin is off, and what it kept can be read in the clerks' screens, as it was."""
    with hall.on(name) as town:
        (record,) = town.records.find(CLERK, f"{name}.thing").records
        assert record["label"] == "Moreau"
        if "_rows_" in name:
            assert [dict(line) for line in record["lines"]] == [{"what": "Kerb"}]
        page = hall.desk.get(f"/admin/{name}/thing/{record.id}/")
        assert (page.status_code, "doesn't run at the moment" in plain(page)) == (200, True)


def kept(town: Town, name: str, column: str) -> list[tuple[str, ...]]:
    """What stands in the columns of a type's records, whatever its code makes of it."""
    return list(town.database.execute_sql(f"SELECT {column}, {column}_key FROM {name}_thing ORDER BY id").fetchall())


def own_answers(hall: Hall, name: str) -> list[str]:
    """Pages of a plugin's own type, on either side of the counter, that don't answer."""
    base, town = f"/admin/{name}/thing/", hall.town
    record = town.records.get(system(), f"{name}.thing", 1, fields=())
    pages = [
        *(f"{base}{page}" for page in ("", "?shade=Green", "?sort=-shade", "print", "new", "new?shade=Red")),
        *(f"{base}{record.id}/{page}" for page in ("", "edit", "history", "print")),
        f"{base}export.csv",
        "/admin/search/?q=Moreau",
        "/admin/search/?q=Green",
        f"/admin/core/contact/{hall.contact}/",
        urls.type_url(f"{name}.thing"),
    ]
    if name == "field_raises":  # it has no public side
        return [f"{url}: {hall.desk.get(url).status_code}" for url in pages if hall.desk.get(url).status_code != 200]
    token = town.records.make_link(system(), f"{name}.thing", record.id, "status")
    hall.street.get(f"/status/{record.number}/{token}")
    public = [
        f"/requests/{record.number}",
        f"/open/{name}/thing/",
        f"/open/{name}/thing/?shade=Green",
        f"/open/{name}/thing/{record.id}",
        f"/apply/{name}/thing/public",
        "/search?q=Moreau",
    ]
    found = []
    for visitor, there in ((hall.desk, pages), (hall.street, public)):
        for url in there:
            response = visitor.get(url)
            if response.status_code != 200:
                found.append(f"{url}: {response.status_code}")
            if "<script>alert" in response.text and not url.endswith(".csv"):
                found.append(f"{url}: shows markup")
    return found


#: Faces that write, which nothing can be saved without.
REFUSING = {"field_parses", "field_takes", "field_stores", "field_remembers", "field_recurses", "field_raises"}
FIELDS = [name for name in ALL if name.startswith("field_")]


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_type_that_fails_costs_its_own_values_only(hall: Hall, name: str) -> None:
    """Every page of its records answers with something plain where its values stand; other fields are saved beside
    them, what is kept of it stays as it is, and why it failed is written down.
    """
    own = "label" if name == "field_raises" else "shade"
    with hall.on(name) as town:
        assert name in town.plugins.running
        before = kept(town, name, own)
        assert own_answers(hall, name) == []
        # A change of another field keeps what can't be read or shown.
        url = f"/admin/{name}/thing/1/edit"
        form = hall.desk.get(url)
        given = re.search(rf'name="{own}"[^>]*value="([^"]*)"', form.text)
        version = town.records.get(system(), f"{name}.thing", 1, fields=()).version
        sent = {own: unescape(given[1]) if given else "", "who": "", "version": version}
        if own != "label":
            sent |= {"label": "Nowak"}
        lines = dict(re.findall(r'name="(lines-\d+(?:-\w+)?)"[^>]*value="([^"]*)"', form.text))
        response = hall.desk.post(url, {**sent, **lines})
        if name == "field_takes":
            assert response.status_code == 422
        else:
            assert response.status_code == 302, main_of(response)
        assert kept(town, name, own) == before
        failures = town.failures.of(name)
        assert failures or name == "field_hostile"
        assert {failure.stage for failure in failures} <= {"field", "slow"}


@pytest.mark.parametrize("name", sorted(REFUSING))
def test_a_field_type_that_can_t_check_or_keep_a_value_saves_nothing(hall: Hall, name: str) -> None:
    """By every door there is a sentence at the field, and what was typed is still there."""
    own = "label" if name == "field_raises" else "shade"
    identity, url = f"{name}.thing", f"/admin/{name}/thing/new"
    with hall.on(name) as town:
        before = count(town, identity)
        values = {"label": "Nowak", own: "Crimson"}
        hall.desk.get(url)
        response = hall.desk.post(url, values)
        assert (response.status_code, 'value="Crimson"' in response.text) == (422, True), main_of(response)
        assert re.search(r"could not (be taken in|check this), so nothing was saved", plain(response))
        assert f'href="#field-{own}"' in response.text
        if name != "field_takes":  # there is no form in these
            with pytest.raises(ValidationFailed) as refused:
                town.records.create(CLERK, identity, values)
            assert set(refused.value.errors) == {own}
            outcomes = town.records.import_rows(system(), identity, [values, values])
            assert [set(outcome.errors) for outcome in outcomes] == [{own}, {own}]
        if name != "field_raises":
            apply = f"/apply/{name}/thing/public"
            hall.street.get(apply)
            step = hall.street.post(apply, values)
            assert (step.status_code, 'value="Crimson"' in step.text) == (422, True)
        assert count(town, identity) == before
        failures = [failure for failure in town.failures.of(name) if failure.stage == "field"]
        assert failures
        assert "Crimson" not in json.dumps([(failure.message, failure.trace) for failure in failures])
        assert "A field type of its own" in main_of(hall.desk.get(f"/admin/plugins/{name}/"))


def test_jobs_that_break_concern_nobody_else(hall: Hall) -> None:
    """With jobs that fail in every way, all others are done, and each failure stands with its job and its plugin."""
    with hall.on("job_breaks") as town:
        work_once(hall.application.current_town)
        assert isinstance(town.clock, FixedClock)
        town.clock.move(timedelta(minutes=15))
        work_once(hall.application.current_town)
        last = {line.job.name: line.last for line in overview.lines(town) if line.job.plugin == "job_breaks"}
        assert len(last) == 7
        assert {name for name, run in last.items() if run is not None and not run.failed} == {"job_breaks.works"}
        assert not any(line.failing for line in overview.lines(town) if line.job.plugin == "core")
        assert count(town, "job_breaks.thing") == 0
        told = {failure.what: failure for failure in town.failures.of("job_breaks")}
        assert set(told) == {f"job {name.partition('.')[2]}" for name in last if name != "job_breaks.works"}
        assert {failure.stage for failure in told.values()} == {"job"}
        assert "Moreau" not in told["job raises"].message
        page = hall.desk.get("/admin/jobs/")
        assert "<script>alert" not in page.text
        assert "6 failed" in plain(page)
        assert bad_answers(hall, "job_breaks") == []
