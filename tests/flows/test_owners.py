"""Whose a record is, as schemas say it: who finds it under “Your requests”, and what they change in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from desk import make_contact
from keys_shown import shows
from plugging import add_plugin

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.app import create_app
from townhall.citizens import links
from townhall.lifecycle import switching
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.testing.clients import plain
from townhall.town import Town

PLOT = """
[type]
name = "{name}"
label = "{name} plot"
title = "{{label}}"
number = "{number}-{{seq:03}}"
contacts = ["tenant", "helper"]
{more}

[fields.label]
type = "text"
required = true
privacy = "public"

[fields.tenant]
type = "link"
to = "core.contact"

[fields.helper]
type = "link"
to = "core.contact"

[fields.paid]
type = "boolean"

[fields.beds]
type = "rows"
[fields.beds.fields.crop]
type = "text"
required = true
[fields.beds.fields.remark]
type = "text"

[forms.public]
label = "Ask for a plot"
fields = ["label"]
contact = "required"
contact_field = "tenant"
"""
BY_OWNER = """
[forms.own]
label = "What grows there"
by_owner = true
fields = ["beds.crop"]
"""
KEEPS_BACK = """
from townhall import for_types
from townhall import hookimpl

@hookimpl
@for_types("allot.plot")
def restrict(town, actor):
    return None if actor.kind == "staff" else {"allot.plot": {"paid": True}}
"""


@pytest.fixture
def engine() -> str:
    """What a key means is the same on both engines; the requests themselves are tried on both."""
    return "sqlite"


def plant(town: Town, code: str = "", **types: str) -> None:
    """Switch a plugin on with a type of plots for each name, with these lines more in its head, and perhaps code."""
    names = list(types)
    first = PLOT.format(name=names[0], number="A", more=types[names[0]])
    folder: Path = add_plugin(town, "allot", schema=first, code=code)
    for number, name in enumerate(names[1:], 1):
        text = PLOT.format(name=name, number="ABCDEF"[number], more=types[name])
        (folder / "schemas" / f"{name}.toml").write_text(text, encoding="utf-8")
    town.reload()
    switching.enable(town, system("cli"), "allot")
    town.reload()


def signed_in(town: Town, contact: Record) -> Client:
    """A browser in which somebody is signed in with a link of the town hall's."""
    visitor = Client(create_app(town))
    token, _ = links.give(town, system("cli"), contact.id)
    visitor.follow(visitor.get(f"/requests/enter/{token}"))
    visitor.post("/requests/enter", {})
    return visitor


def listed(visitor: Client) -> set[str]:
    """Numbers of the requests that somebody finds."""
    return set(re.findall(r"/requests/([A-F]-\d{3})", visitor.get("/requests/").text))


@shows("type.owners", "public")
@shows("type.owners_if", "public")
def test_who_finds_a_record_the_schema_says(town: Town) -> None:
    """By itself whoever a form makes the sender; else the named links, or nobody, and perhaps only some records."""
    owners = {"usual": "", "helped": 'owners = ["helper"]', "nobody": "owners = []"}
    plant(town, **owners, some="owners_if = { paid = true }")
    tenant, helper = make_contact(town, "Tenant"), make_contact(town, "Helper")
    given: dict[str, Any] = {"label": "By the wall", "tenant": tenant.id, "helper": helper.id}
    for name in ("usual", "helped", "nobody", "some"):
        town.records.create(system(), f"allot.{name}", given)
    town.records.create(system(), "allot.some", {**given, "paid": True})
    theirs = signed_in(town, tenant)
    assert listed(theirs) == {"A-001", "D-002"}
    assert listed(signed_in(town, helper)) == {"B-001"}
    assert theirs.get("/requests/A-001").status_code == 200
    for number in ("B-001", "C-001", "D-001"):
        assert theirs.get(f"/requests/{number}").status_code == 404


def test_what_a_plugin_keeps_from_residents_its_owner_does_not_find(town: Town) -> None:
    """A plugin's conditions hold for owners too: no line, no page, and nothing that says that there is more."""
    plant(town, KEEPS_BACK, plot="")
    tenant = make_contact(town, "Tenant")
    for paid in (True, False):
        town.records.create(system(), "allot.plot", {"label": "By the wall", "tenant": tenant.id, "paid": paid})
    visitor = signed_in(town, tenant)
    assert listed(visitor) == {"A-001"}
    assert visitor.get("/requests/A-002").status_code == 404


@shows("forms.NAME.by_owner", "public_form")
def test_an_owner_changes_what_the_form_by_owner_names(town: Town, clerk: Actor) -> None:
    """It is no service that anybody can ask for; its owner opens it, and a column that it leaves out stays."""
    plant(town, plot="")
    (town.instance / "plugins" / "allot" / "schemas" / "thing.toml").write_text(
        PLOT.format(name="plot", number="A", more="") + BY_OWNER, encoding="utf-8"
    )
    tenant = make_contact(town, "Tenant")
    beds = [{"crop": "Leek", "remark": "Too near the path"}]
    plot = town.records.create(clerk, "allot.plot", {"label": "By the wall", "tenant": tenant.id, "beds": beds})
    assert "/requests/A-001/edit" not in signed_in(town, tenant).get("/requests/A-001").text
    town.reload()
    visitor = signed_in(town, tenant)
    assert "What grows there" not in visitor.get("/").text
    assert "What grows there" not in visitor.get("/privacy").text
    assert visitor.get("/apply/allot/plot/own").status_code == 404
    visitor.get("/requests/A-001")
    review = visitor.follow(visitor.post("/requests/A-001/edit", {}))
    assert "Leek" in plain(review.text)
    assert "path" not in plain(review.text)
    step = review.request.path.replace("review", "details")
    visitor.get(step)
    visitor.post(step, {"beds-0-crop": "Leek", "beds-1-crop": "Bean", "beds-1-remark": "Mine"})
    visitor.get(review.request.path)
    done = visitor.post(review.request.path, {})
    assert done.headers["Location"] == "/requests/A-001", plain(done.text)
    now = town.records.get(clerk, "allot.plot", plot.id)["beds"]
    assert [(bed["crop"], bed["remark"]) for bed in now] == [("Leek", "Too near the path"), ("Bean", None)]
