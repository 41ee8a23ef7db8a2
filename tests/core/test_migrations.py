"""Migrations: what can't be had by adding is said by files, done once, followed everywhere, or undone as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from fees import FEE
from fees import FIRST
from fees import PERMIT
from fees import STAFF
from fees import PaperFile
from fees import again
from fees import lay
from fees import make
from fees import start
from fees import state

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.app import create_app
from townhall.cases import queries
from townhall.cases import routes
from townhall.cases import targets
from townhall.db import ledger
from townhall.db import meta
from townhall.errors import ConfigurationError
from townhall.errors import PluginError
from townhall.lifecycle import switching
from townhall.lifecycle import upgrading
from townhall.portal import drafts
from townhall.town import Town
from townhall_forms.values import Money
from townhall_forms.values import Reference


def written(text: str, *pairs: tuple[str, str]) -> str:
    """A schema with passages written differently."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


RENAMED = written(
    FEE,
    ('name = "fee"', 'name = "charge"'),
    ('label = "Fee"', 'label = "Charge"'),
    ("fields.payer", "fields.who"),
    ("{payer}", "{who}"),
    ("fields.lines", "fields.items"),
    ("fields.price", "fields.cents"),
    ("fields.papers", "fields.documents"),
    ("fields.people", "fields.parties"),
    ("fields.origin", "fields.source"),
    ('["payer", "cost", "kind", "lines"]', '["who", "cost", "kind", "items"]'),
    ('["low", "high"]', '["small", "high"]'),
    ("states.open", "states.received"),
    ('"open"', '"received"'),
    ('name = "pay"\n', 'name = "settle"\n'),
)
RENAMES = """\
description = "Fees are called charges."
[[steps]]
rename_type = { from = "fee", to = "charge" }
[[steps]]
rename_field = { type = "charge", from = "payer", to = "who" }
[[steps]]
rename_field = { type = "charge", from = "lines", to = "items" }
[[steps]]
rename_field = { type = "charge", from = "items.price", to = "cents" }
[[steps]]
rename_field = { type = "charge", from = "papers", to = "documents" }
[[steps]]
rename_field = { type = "charge", from = "people", to = "parties" }
[[steps]]
rename_field = { type = "charge", from = "origin", to = "source" }
[[steps]]
replace_choice = { type = "charge", field = "kind", from = "low", to = "small" }
[[steps]]
rename_state = { type = "charge", from = "open", to = "received" }
[[steps]]
rename_transition = { type = "charge", from = "pay", to = "settle" }
"""
TAKEN = written(PERMIT, ('"permit"', '"fee"'), ('to = "fee"', 'to = "charge"'))
SECOND = {"charge.toml": RENAMED, "permit.toml": written(PERMIT, ('to = "fee"', 'to = "charge"'))}


def test_everything_that_knows_a_name_follows_it(town: Town, administrator: Actor) -> None:
    """After renames each record has its values, rows, links, files, history and number under the new names.

    So do saved views, drafts, secret links, roles, search, references of others and what they are about.
    """
    start(town)
    records = town.records
    person = make_contact(town)
    ticket = make_ticket(town, STAFF, make_topic(town))
    file = town.files.stage(STAFF, PaperFile())
    fee = make(
        town, payer="Moreau", cost="12", kind="low", lines=[{"what": "Sign", "price": 5}], papers=[file.token],
        people=[person.id], origin=Reference("desk.ticket", ticket.id),
    )  # fmt: skip
    records.update(STAFF, "fees.fee", fee.id, {"payer": "Moreau & Co", "lines": [{"price": 7}]}, version=1)
    permit = make(town, "fees.permit", name="Sign", fee=fee.id, fees=[fee.id])
    about = Reference("fees.fee", fee.id)
    talk = make(town, "core.interaction", channel="phone", direction="in", body="Call", about=about)
    other = make_ticket(town, STAFF, make_topic(town, "Lamps"), about=about)
    inside = make(town, payer="Weir", lines=[{"what": "See", "see": about}])
    paid = records.transition(STAFF, "fees.fee", inside.id, "pay", version=1)
    views = town.system.saved_view
    for identity, query in (
        ("fees.fee", "payer=Mo&kind=low&state=open&sort=-payer&columns=number%2Cpayer"),
        ("fees.permit", "fee.payer=Mo&fee.state=open"),
    ):
        views.insert(identity=identity, label="Mine", query=query, owner_id=1, created_at=0).execute()
    draft = drafts.Draft("fees.fee", "public", values={"payer": "Mo", "kind": "low", "lines": [{"price": 3}]})
    draft.typed = {"all": [("payer", "M"), ("lines-0-price", "x")]}
    key = drafts.start(town, draft)
    role = town.system.role
    role.insert(name="cash", permissions=json.dumps(["fees.fee.view", "fees.fee.transition.pay"])).execute()
    town.system.secret_link.insert(
        token_hash="x", identity="fees.fee", record_id=fee.id, purpose="status", created_at=0
    ).execute()
    words = {"type": "fees.fee", "event": "open", "subject": "Fee", "body": "{payer}, {link}"}
    template = records.create(system(), "core.message_template", words)
    rule = {
        "name": "Fees", "case_type": "fees.fee", "acknowledgement": "{payer}: {link}",
        "conditions": [
            {"field": "Payer", "is": "contains", "value": "low"},
            {"field": "kind", "is": "one_of", "value": "high; low"},
            {"field": "state", "is": "is", "value": "open"},
        ],
    }  # fmt: skip
    route = records.create(system(), "core.route", rule)
    clocks = [{"clock": "resolution", "within": "3", "unit": "days"}]
    aim = {"name": "Fees", "case_type": "fees.fee", "conditions": [{"field": "payer", "is": "filled"}]}
    target = records.create(system(), "core.target", {**aim, "clocks": clocks})
    queue = records.create(system(), "core.queue", {"name": "Till", "default_for": ["fees.fee"]})
    before = records.history(administrator, "fees.fee", fee.id)

    lay(town, "2.0.0", SECOND, {"0002_charges.toml": RENAMES})
    new = again(town)

    assert new.plugins.problems == {}
    assert "fees.fee" not in new.schemas
    charge = new.records.get(STAFF, "fees.charge", fee.id)
    assert (charge["who"], charge["cost"], charge["kind"], charge.state) == ("Moreau & Co", "12", "small", "received")
    assert (charge.number, charge["parties"], charge["source"]) == (fee.number, (person.id,), fee["origin"])
    assert [row["cents"] for row in charge["items"]] == [7]
    assert [each.filename for each in charge["documents"]] == ["paper.pdf"]
    assert new.records.get(STAFF, "fees.permit", permit.id)["fees"] == (fee.id,)
    assert new.records.get(STAFF, "fees.charge", paid.id)["items"][0]["see"] == Reference("fees.charge", fee.id)
    words = new.records.get(STAFF, "core.message_template", template.id)
    assert (words["type"], words["event"], words["body"]) == ("fees.charge", "received", "{who}, {link}")
    assert words.title == "fees.charge: received"
    # where cases go and how long they may take
    told = new.records.get(STAFF, "core.route", route.id)
    assert (told["case_type"], told["acknowledgement"]) == ("fees.charge", "{who}: {link}")
    lines = [(row["field"], row["value"]) for row in told["conditions"]]
    assert lines == [("who", "low"), ("kind", "high; small"), ("state", "received")]
    assert routes.read_route(new, told).problem == ""
    told = new.records.get(STAFF, "core.target", target.id)
    assert (told["case_type"], told["conditions"][0]["field"]) == ("fees.charge", "who")
    assert targets.read(new, target.id, told.values).broken == ""
    assert new.records.get(STAFF, "core.queue", queue.id)["default_for"] == ("fees.charge",)
    # what others say about it
    assert new.records.get(STAFF, "core.interaction", talk.id)["about"] == Reference("fees.charge", fee.id)
    assert new.records.get(STAFF, "desk.ticket", other.id)["about"] == Reference("fees.charge", fee.id)
    assert [hit.identity for hit in new.records.search(STAFF, "Moreau Co")[0]] == ["fees.charge"]
    # numbers go on, moves and history are told in the names of today
    assert make(new, "fees.charge", who="Next").number == "F-0003"
    told = new.records.history(administrator, "fees.charge", fee.id)
    assert [entry.digest for entry in told] == [entry.digest for entry in before]
    assert told[1].changes["who"] == ("Moreau", "Moreau & Co")
    assert told[1].changes["items"][1][0]["cents"] == 7
    assert told[0].changes["state"] == (None, "received")
    lines, _, counts = new.records.timeline(administrator, "fees.charge", fee.id)
    assert counts["talk"] == 1
    assert any("Moreau → Moreau & Co" in detail for line in lines for detail in line.details)
    moves = new.records.timeline(administrator, "fees.charge", paid.id, kinds=["change"])[0]
    assert "Moved from Received to Paid" in [line.headline for line in moves]
    (entry,) = new.records.history(administrator, "desk.ticket", other.id)
    assert entry.changes["about"][1] == Reference("fees.charge", fee.id)
    # addresses that somebody has kept or printed lead on
    browser = create_app(new).test_client()
    for kept_address, leads_to in (
        ("/admin/fees/fee/?q=Mo", "/admin/fees/charge/?q=Mo"),
        (f"/admin/fees/fee/{fee.id}/", f"/admin/fees/charge/{fee.id}/"),
        ("/forms/fees/fee/public/", "/forms/fees/charge/public/"),
    ):
        assert browser.get(kept_address).headers["Location"] == leads_to
    assert browser.get("/admin/fees/permission/").status_code == 404
    # what is kept beside records
    kept = dict(views.select(views.identity, views.query).tuples())
    assert kept["fees.charge"] == "who=Mo&kind=small&state=received&sort=-who&columns=number%2Cwho"
    assert kept["fees.permit"] == "fee.who=Mo&fee.state=received"
    after = drafts.load(new, key)
    assert after is not None
    assert (after.identity, after.values) == ("fees.charge", {"who": "Mo", "kind": "small", "items": [{"cents": 3}]})
    assert after.typed == {"all": [("who", "M"), ("items-0-cents", "x")]}
    held = json.loads(role.select(role.permissions).where(role.name == "cash").tuples().first()[0])
    assert held == ["fees.charge.transition.settle", "fees.charge.view"]
    assert town.system.secret_link.select().where(town.system.secret_link.identity == "fees.charge").count() == 1
    # and once only
    assert again(town).changes == []
    assert [entry.name for entry in ledger.migrations(town.system)] == ["0002_charges.toml"]


def test_cases_are_closed_as_their_states_are_now(town: Town) -> None:
    """A state that stops being final opens its cases for lists of work; one that becomes final closes them."""
    start(town)
    fee = make(town, payer="Weir")
    paid = town.records.transition(STAFF, "fees.fee", fee.id, "pay", version=1)
    assert paid.closed is not None
    more = ("[workflow.states.paid]\nfinal = true", "[workflow.states.paid]\n[workflow.states.done]\nfinal = true")
    end = '[[workflow.transitions]]\nname = "end"\nfrom = ["paid"]\nto = "done"\nby = ["staff"]\n'
    lay(town, "2.0.0", {**FIRST, "fee.toml": written(FEE, more) + end})
    new = again(town)
    assert new.records.get(STAFF, "fees.fee", fee.id).closed is None
    assert [record.id for record in queries.my_work(new, STAFF, everybody=True).unassigned.records] == [fee.id]
    lay(town, "3.0.0", FIRST)
    last = again(town)
    assert last.records.get(STAFF, "fees.fee", fee.id).closed == paid.closed
    assert queries.my_work(last, STAFF, everybody=True).unassigned.count.value == 0


def test_names_given_anew_are_told_apart(town: Town, administrator: Actor) -> None:
    """A type that takes over the name of a renamed one has a history of its own, though ids begin anew."""
    start(town)
    fee = make(town, payer="First")
    lay(town, "2.0.0", {**SECOND, "fee.toml": TAKEN},
        {"0002_charges.toml": RENAMES})  # fmt: skip
    new = again(town)
    assert new.plugins.problems == {}
    other = make(new, "fees.fee", name="Another")
    assert other.id == fee.id
    assert [entry.changes["name"][1] for entry in new.records.history(administrator, "fees.fee", other.id)] == [
        "Another"
    ]
    assert [entry.changes["who"][1] for entry in new.records.history(administrator, "fees.charge", fee.id)] == ["First"]


COSTS_MONEY = written(FEE, ('[fields.cost]\ntype = "text"', '[fields.cost]\ntype = "money"'))
COSTS_INTEGER = written(FEE, ('[fields.cost]\ntype = "text"', '[fields.cost]\ntype = "integer"'))
VALUES = """\
[[steps]]
change_field = { type = "fee", field = "cost", values = { free = "0" } }
[[steps]]
change_field = { type = "fee", field = "lines.price", multiply = 100 }
[[steps]]
change_field = { type = "fee", field = "partner" }
[[steps]]
copy_field = { type = "fee", from = "kind", to = "kind_text", using = "label" }
[[steps]]
replace_choice = { type = "fee", field = "tags", from = "old", to = "new" }
[[steps]]
fill = { type = "fee", field = "urgent", value = true, where = { kind = "high" } }
"""
MONEY = written(
    FEE,
    ('[fields.cost]\ntype = "text"', '[fields.cost]\ntype = "money"'),
    ('[fields.partner]\ntype = "link"', '[fields.partner]\ntype = "links"'),
    (
        'choices = ["old", "new"]',
        'choices = ["new"]\n[fields.kind_text]\ntype = "text"\n[fields.urgent]\ntype = "boolean"\n'
        '[fields.total]\ntype = "computed"\ncompute = { sum = "lines.price" }',
    ),
    ("{payer}: {kind}", "{payer}: {cost}"),
)


def test_values_are_written_anew_and_the_old_ones_stay(town: Town) -> None:
    """A field may change its type, its unit or its number of links: values are parsed again, columns only retired.

    What the tables alone could not do, and was refused until now, is done by such a file.
    """
    start(town)
    person = make_contact(town)
    first = make(
        town, payer="A", cost="12.50", kind="high", tags=["old", "new"], lines=[{"price": 5}], partner=person.id
    )
    free = make(town, payer="B", cost="free", kind="low", tags=["old"])
    draft = drafts.start(town, drafts.Draft("fees.fee", "public", values={"cost": "3", "lines": [{"price": 2}]}))
    lay(town, "2.0.0", {**FIRST, "fee.toml": MONEY})
    assert "write a migration" in again(town).plugins.problems["fees"]
    lay(town, "2.0.0", {**FIRST, "fee.toml": MONEY}, {"0002_values.toml": VALUES})
    new = again(town)
    assert new.plugins.problems == {}
    one, two = (new.records.get(STAFF, "fees.fee", id) for id in (first.id, free.id))
    assert (one["cost"], two["cost"]) == (Money(1250, "USD"), Money(0, "USD"))
    assert (one["lines"][0]["price"], one["partner"], two["partner"]) == (500, (person.id,), None)
    assert (one["kind_text"], two["kind_text"]) == ("High", "Low")
    assert (one["tags"], two["tags"]) == (("new",), ("new",))
    assert (one["urgent"], two["urgent"]) == (True, None)
    # titles and search follow the values
    assert one.title == "A: $12.50"
    assert [hit.id for hit in new.records.search(STAFF, "12.50")[0]] == [first.id]
    assert one["total"] == 500
    columns = {column.name for column in town.database.get_columns("fees_fee")}
    assert {"_0002_cost", "_0002_cost_key", "_0002_partner"} <= columns
    stored = town.database.execute_sql('SELECT "_0002_cost" FROM "fees_fee" ORDER BY "id"').fetchall()
    assert [row[0] for row in stored] == ["12.50", "free"]
    held = drafts.load(new, draft)
    assert held is not None
    assert held.values == {"cost": {"amount": "3.00", "currency": "USD"}, "lines": [{"price": 200}]}


def test_values_that_do_not_fit_are_named_and_nothing_is_changed(town: Town) -> None:
    """A refused upgrade says which records, keeps every table as it was, and is tried again when asked to."""
    start(town)
    bad = make(town, payer="A", cost="a lot")
    step = '[[steps]]\nchange_field = { type = "fee", field = "cost" }\n'
    lay(town, "2.0.0", {**FIRST, "fee.toml": COSTS_MONEY},
        {"0002_cost.toml": step})  # fmt: skip
    before = town.database.get_columns("fees_fee")
    new = again(town)
    reason = new.plugins.problems["fees"]
    assert f"record {bad.id} has “a lot”" in reason
    assert "0002_cost.toml: step 1, change_field" in reason
    assert "Nothing was changed" in reason
    assert town.database.get_columns("fees_fee") == before
    assert ledger.migrations(town.system) == []
    assert state(new).reason == reason
    assert "desk.ticket" in new.schemas
    # not again by every process, but when somebody asks
    town.database.execute_sql("UPDATE fees_fee SET cost = '12' WHERE id = " + str(bad.id))
    assert again(town).plugins.problems["fees"] == reason
    right = again(town, retry=True)
    assert right.plugins.problems == {}
    assert right.records.get(STAFF, "fees.fee", bad.id)["cost"] == Money(1200, "USD")


def test_values_that_do_not_fit_may_be_left_empty(town: Town) -> None:
    """With ``unfit = "empty"`` the field is empty where the old value does not fit, which stays in its column."""
    start(town)
    bad = make(town, payer="A", cost="a lot")
    step = '[[steps]]\nchange_field = { type = "fee", field = "cost", unfit = "empty" }\n'
    lay(town, "2.0.0", {**FIRST, "fee.toml": COSTS_INTEGER},
        {"0002_cost.toml": step})  # fmt: skip
    new = again(town)
    assert new.records.get(STAFF, "fees.fee", bad.id)["cost"] is None
    assert town.database.execute_sql('SELECT "_0002_cost" FROM "fees_fee"').fetchone()[0] == "a lot"


def test_several_versions_at_once(town: Town) -> None:
    """A town that skipped versions runs all files in order; one that changes a field twice says what it is between."""
    start(town)
    fee = make(town, payer="A", cost="12")
    first = (
        '[[steps]]\nchange_field = { type = "fee", field = "cost", to = { type = "integer" } }\n'
        '[[steps]]\nrename_field = { type = "fee", from = "cost", to = "price" }\n'
    )
    second = (
        '[[steps]]\nchange_field = { type = "fee", field = "price", multiply = 100 }\n'
        '[[steps]]\nrename_field = { type = "fee", from = "price", to = "cents" }\n'
    )
    schema = written(FEE, ('[fields.cost]\ntype = "text"', '[fields.cents]\ntype = "decimal"'), ('"cost"', '"cents"'))
    lay(
        town,
        "3.0.0",
        {**FIRST, "fee.toml": schema},
        {"0002_a.toml": written(first, (', to = { type = "integer" }', "")), "0003_b.toml": second},
    )
    assert "say with “to” what it is in between" in again(town).plugins.problems["fees"]
    lay(town, "3.0.0", {**FIRST, "fee.toml": schema}, {"0002_a.toml": first, "0003_b.toml": second})
    new = again(town)
    assert new.plugins.problems == {}
    assert new.records.get(STAFF, "fees.fee", fee.id)["cents"] == 1200
    assert [done.file for done in new.upgrade.done if done.file] == ["0002_a.toml", "0003_b.toml"]


CODE = """\
from townhall import Migration


def migrate(step: Migration) -> None:
    for row in step.rows("fee", "payer", "state"):
        given, _, family = (row["payer"] or "").rpartition(" ")
        step.update("fee", row.id, {"given": given, "family": family})
    count = step.sql(f'SELECT count(*) FROM "{step.table("fee")}" WHERE "payer" LIKE ? OR 1 = 1', "%x%")[0][0]
    step.fill("fee", "cost", f"{count} %")
"""
SPLIT = written(FEE, ("[fields.cost]", '[fields.given]\ntype = "text"\n[fields.family]\ntype = "text"\n[fields.cost]'))


def test_code_does_what_steps_can_not(town: Town) -> None:
    """A Python file reads records and writes fields through the same parsing, and may ask in SQL on either engine."""
    start(town)
    fee = make(town, payer="Ada May Moreau")
    lay(town, "2.0.0", {**FIRST, "fee.toml": SPLIT}, {"0002_names.py": CODE})
    waiting = upgrading.pending(again(town, safe_mode=True), "fees")
    assert [each.file for each in waiting] == ["0002_names.py"]
    new = again(town)
    record = new.records.get(STAFF, "fees.fee", fee.id)
    assert (record["given"], record["family"], record["cost"]) == ("Ada May", "Moreau", "1 %")


FAILING = (
    ("raise SystemExit(3)", "SystemExit: 3"),
    ("    raise ValueError('no')", "ValueError: no"),
    ("    step.update('fee', 1, {'tags': ['x']})", "not one of the choices"),
    ("    step.sql('COMMIT')", "may not run COMMIT"),
    ("    step._scene.database.connection().rollback()", "ended the transaction"),
    ("    step.rename_field('fee', 'payr', 'given')", "did you mean “payer”?"),
    ("    step.sql('SELECT a FROM nowhere')", "nowhere"),
    ("other = 1", "no function migrate"),
)


def test_code_that_fails_changes_nothing(make_town: Callable[..., Town]) -> None:
    """However a Python file fails, down to an exit, its plugin is off with the reason and the tables are as before."""
    town = make_town()
    start(town)
    fee = make(town, payer="A")
    head = "def migrate(step):\n    step.update('fee', 1, {'payer': 'B', 'given': 'C'})\n"
    for code, words in FAILING:
        text = head + code + "\n" if code.startswith("    ") else code + "\n"
        lay(town, "2.0.0", {**FIRST, "fee.toml": SPLIT}, {"0002_names.py": text})
        assert words in again(town).plugins.problems["fees"]
        assert "given" not in {column.name for column in town.database.get_columns("fees_fee")}
        assert town.database.execute_sql("SELECT payer FROM fees_fee").fetchall()[0][0] == "A"
    lay(town, "2.0.0", FIRST)
    assert again(town).records.get(STAFF, "fees.fee", fee.id)["payer"] == "A"


def test_links_and_rows_are_never_lost(town: Town) -> None:
    """A parent of rows, links and a foreign key that deletes with it is renamed and changed, and none is lost."""
    start(town)
    person = make_contact(town)
    rows = [{"what": str(number), "price": number} for number in range(20)]
    fees = [make(town, payer=str(n), cost=str(n), lines=rows, people=[person.id]) for n in range(20)]
    permits = [make(town, "fees.permit", name="P", fee=fee.id, fees=[each.id for each in fees]) for fee in fees]
    key = "INTEGER" if town.database.engine == "sqlite" else "BIGINT"
    town.database.execute_sql(
        f'CREATE TABLE witness (fee {key} NOT NULL REFERENCES "fees_fee" ("id") ON DELETE CASCADE)'
    )
    town.database.execute_sql('INSERT INTO witness SELECT "id" FROM "fees_fee"')
    schema = written(RENAMED, ('[fields.cost]\ntype = "text"', '[fields.cost]\ntype = "integer"'))
    more = '[[steps]]\nchange_field = { type = "charge", field = "cost" }\n'
    lay(town, "2.0.0", {**SECOND, "charge.toml": schema}, {"0002_charges.toml": RENAMES, "0003_cost.toml": more})
    new = again(town)
    assert new.plugins.problems == {}
    counted = {
        name: town.database.execute_sql(f'SELECT count(*) FROM "{name}"').fetchone()[0]
        for name in ("witness", "fees_charge", "fees_charge__items", "fees_charge__parties", "fees_permit__fees")
    }
    assert counted == {
        "witness": 20, "fees_charge": 20, "fees_charge__items": 400, "fees_charge__parties": 20,
        "fees_permit__fees": 400,
    }  # fmt: skip
    assert len(new.records.get(STAFF, "fees.permit", permits[0].id)["fees"]) == 20
    assert new.records.get(STAFF, "fees.charge", fees[7].id)["cost"] == 7
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        town.database.execute_sql('DELETE FROM "fees_charge"')


def test_every_mistake_in_a_file_is_told_at_once(make_town: Callable[..., Town]) -> None:
    """Unknown steps and keys are told with what was meant, all of them together, and before anything is done."""
    town = make_town()
    start(town)
    text = """\
descripton = "x"
[[steps]]
rename_feild = { type = "fee", from = "a", to = "b" }
[[steps]]
rename_field = { type = "fee", form = "a", to = "B c" }
[[steps]]
change_field = { type = "fee", field = "cost", using = "lable", unfit = "ignore", to = { type = "intger" } }
[[steps]]
copy_field = { type = "fee", from = "a", to = "b", multiply = 0 }
[[steps]]
fill = { type = "fee", field = "cost", value = 1, where = { kind = { is = 2 } } }
[[steps]]
fill = { type = "fee", field = "cost", value = 1, where = { "partner.name" = 1 } }
[[steps]]
rename_type = { from = "fee", to = "charge" }
rename_state = { type = "fee", from = "a", to = "b" }
"""
    lay(town, "2.0.0", FIRST, {"0002_a.toml": text, "0003_b.toml": "steps = 3\n"})
    reason = again(town).plugins.problems["fees"]
    for words in (
        "did you mean “description”?", "did you mean “rename_field”?", "did you mean “from”?", "“B c” is no name",
        "did you mean “label”?", "choose among refuse, empty", "a number other than 0", "did you mean “integer”?",
        "fields of the same record only", "exactly one step", "0003_b.toml", "steps.2.rename_field.from",
    ):  # fmt: skip
        assert words.lower() in reason.lower(), words
    lay(town, "2.0.0", FIRST, {"2_a.toml": ""})
    assert "four digits" in again(town).plugins.problems["fees"]


IMPOSSIBLE = (
    ('rename_type = { from = "fe", to = "permit" }', "did you mean “fee”?"),
    ('rename_type = { from = "fee", to = "permit" }', "there is a type “permit” already"),
    ('rename_type = { from = "fee", to = "permits" }', "did you mean “permit”?"),
    ('rename_field = { type = "fee", from = "payer", to = "cost" }', "has a field “cost” already"),
    ('rename_field = { type = "fee", from = "lines.pric", to = "what" }', "did you mean “price”?"),
    ('rename_state = { type = "permit", from = "a", to = "b" }', "has no workflow"),
    ('rename_state = { type = "fee", from = "open", to = "opened" }', "has no state “opened”"),
    ('rename_state = { type = "fee", from = "opne", to = "paid" }', "did you mean “open”?"),
    ('rename_transition = { type = "fee", from = "pya", to = "pay" }', "did you mean “pay”?"),
    ('replace_choice = { type = "fee", field = "kind", from = "low", to = "hihg" }', "did you mean “high”?"),
    ('replace_choice = { type = "fee", field = "kind", from = "lwo", to = "high" }', "did you mean “low”?"),
    ('replace_choice = { type = "fee", field = "tags", from = "x", to = "new" }', "has no choice “x”"),
    ('change_field = { type = "fee", field = "papers" }', "do it in Python"),
    ('copy_field = { type = "fee", from = "kind", to = "kinds" }', "has no field “kinds”"),
)


def test_a_step_that_can_not_be_done_says_why(make_town: Callable[..., Town]) -> None:
    """A name that is not there, or a change that no step can make, stops the upgrade with a sentence."""
    town = make_town()
    start(town)
    for step, words in IMPOSSIBLE:
        lay(town, "2.0.0", FIRST, {"0002_a.toml": f"[[steps]]\n{step}\n"})
        assert words in again(town).plugins.problems["fees"]


def test_a_unique_field_that_does_not_fit_undoes_its_migration_too(town: Town) -> None:
    """Additions and migrations of one plugin are one thing: if an index can't be made, no step is left done."""
    start(town)
    for _ in range(2):
        make(town, payer="Same")
    schema = written(FEE, ("[fields.payer]", "[fields.who]\nunique = true"), ("{payer}", "{who}"), ('"payer"', '"who"'))
    step = '[[steps]]\nrename_field = { type = "fee", from = "payer", to = "who" }\n'
    lay(town, "2.0.0", {**FIRST, "fee.toml": schema}, {"0002_who.toml": step})
    new = again(town)
    assert "unique" in new.plugins.problems["fees"]
    assert "payer" in {column.name for column in town.database.get_columns("fees_fee")}
    assert ledger.migrations(town.system) == []
    # the same without any migration: the town opens all the same
    lay(town, "2.0.0", {**FIRST, "fee.toml": written(FEE, ("[fields.payer]", "[fields.payer]\nunique = true"))})
    assert "unique" in again(town).plugins.problems["fees"]


def test_the_ledger_tells_changed_missing_late_and_older_files(town: Town) -> None:
    """A changed file is told and not run again; one that comes too late, or an older plugin, is refused."""
    start(town)
    step = '[[steps]]\nfill = { type = "fee", field = "cost", value = "1" }\n'
    lay(town, "2.0.0", FIRST, {"0003_fill.toml": step})
    assert again(town).plugins.problems == {}
    lay(town, "2.0.0", FIRST, {"0003_fill.toml": step.replace('"1"', '"2"')})
    new = again(town)
    assert ["0003_fill.toml was applied" in notice for notice in new.upgrade.notices] == [True]
    assert (new.changes, new.plugins.problems) == ([], {})
    lay(town, "2.0.1", FIRST, {"0003_fill.toml": step.replace("\n", "\r\n"), "0002_late.toml": step})
    late = again(town)
    assert late.upgrade.notices == []
    assert "0002_late.toml comes before 0003_fill.toml" in late.plugins.problems["fees"]
    lay(town, "1.0.0", FIRST)
    assert "older than the version 2.0.0" in again(town).plugins.problems["fees"]
    switching.disable(town, system(), "fees")
    with pytest.raises(PluginError, match="older than"):
        switching.enable(town, system(), "fees")


def test_a_new_plugin_runs_no_migrations(town: Town) -> None:
    """A town that switches a plugin on for the first time gets the tables of today, and its files count as done."""
    lay(town, "2.0.0", SECOND, {"0002_charges.toml": RENAMES})
    assert upgrading.pending(again(town), "fees") == []
    switching.enable(town, system(), "fees")
    assert [entry.name for entry in ledger.migrations(town.system)] == ["0002_charges.toml"]
    assert make(town, "fees.charge", who="A").id == 1


def test_a_plugin_upgraded_while_off_catches_up_when_it_is_switched_on(town: Town) -> None:
    """What waits can be listed before; a file that fails leaves the plugin off as it was, and the right one runs."""
    start(town)
    fee = make(town, payer="A")
    switching.disable(town, system(), "fees")
    lay(
        town,
        "2.0.0",
        SECOND,
        {
            "0002_charges.toml": RENAMES.replace('"high"', '"x"')
            + '[[steps]]\nrename_state = { type = "charge", from = "received", to = "x" }\n'
        },
    )
    assert state(town).enabled is False
    waiting = upgrading.pending(town, "fees")
    assert (waiting[0].description, waiting[0].steps[0]) == (
        "Fees are called charges.", "The type fee is called charge.",
    )  # fmt: skip
    with pytest.raises(PluginError, match="no state “x”"):
        switching.enable(town, system(), "fees")
    assert (state(town).enabled, town.schemas.get("fees.charge")) == (False, None)
    assert "fees_fee" in town.database.get_tables()
    lay(town, "2.0.0", SECOND, {"0002_charges.toml": RENAMES})
    assert switching.preview(town, "fees").problem == ""
    switching.enable(town, system(), "fees")
    assert town.records.get(STAFF, "fees.charge", fee.id)["who"] == "A"


def test_a_snapshot_is_kept_before_and_only_the_latest_stay(
    town: Town, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each upgrade with migrations leaves the database as it was before it; the setting says how many are kept."""
    start(town)
    make(town, payer="Before")
    object.__setattr__(town.settings, "snapshots", 2)
    files: dict[str, str] = {}
    for number in range(2, 5):
        files[f"000{number}_fill.toml"] = f'[[steps]]\nfill = {{ type = "fee", field = "cost", value = "{number}" }}\n'
        lay(town, f"{number}.0.0", FIRST, files)
        new = again(town)
        assert len(new.upgrade.snapshots) == 1
    kept = sorted((town.instance / "snapshots").iterdir())
    assert len(kept) == 2
    assert "-fees-3.0.0" in kept[-1].name
    if town.database.engine == "sqlite":
        import sqlite3

        with sqlite3.connect(kept[0]) as old:
            assert old.execute("SELECT payer, cost FROM fees_fee").fetchone() == ("Before", "2")
        return
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no pg_dump
    files["0009_fill.toml"] = '[[steps]]\nfill = { type = "fee", field = "cost", value = "9" }\n'
    lay(town, "9.0.0", FIRST, files)
    (where,) = again(town).upgrade.snapshots
    schema = where.split()[2]
    assert town.database.execute_sql(f'SELECT payer, cost FROM "{schema}"."fees_fee"').fetchone() == ("Before", "2")


def test_half_a_snapshot_never_looks_like_one(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is stopped while it is written leaves none to go back to; the next try clears it away."""
    start(town)
    make(town, payer="Before")
    lay(town, "2.0.0", FIRST, {"0002_fill.toml": '[[steps]]\nfill = { type = "fee", field = "cost", value = "2" }\n'})

    def stopped(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", stopped)
        with pytest.raises(KeyboardInterrupt):
            again(town)
    folder = town.instance / "snapshots"
    assert [each.name for each in folder.iterdir() if each.suffix in (".db", ".dump")] == []
    (where,) = again(town).upgrade.snapshots
    assert [str(each) for each in folder.iterdir()] == [where]


def test_a_rehearsal_does_everything_on_a_copy(town: Town) -> None:
    """A rehearsal says what would be done, in what time, and what would fail; the town is as it was."""
    start(town)
    make(town, payer="A", cost="a lot", lines=[{"price": 1}])
    lay(town, "2.0.0", SECOND, {"0002_charges.toml": RENAMES})
    tables = town.database.get_tables()
    url = meta.get(town.system, "nothing", "") or database_url(town)
    report = Town.rehearse(town.instance, clock=town.clock, database=url)
    (done,) = [each for each in report.done if each.file]
    assert (done.plugin, done.file, done.what) == ("fees", "0002_charges.toml", "Fees are called charges.")
    assert done.rows > 3
    assert (report.failures, report.snapshots) == ({}, [])
    bad = '[[steps]]\nchange_field = { type = "charge", field = "cost" }\n'
    schema = written(RENAMED, ('[fields.cost]\ntype = "text"', '[fields.cost]\ntype = "integer"'))
    lay(town, "2.0.0", {**SECOND, "charge.toml": schema}, {"0002_charges.toml": RENAMES, "0003_cost.toml": bad})
    assert "a lot" in Town.rehearse(town.instance, clock=town.clock, database=url).failures["fees"]
    assert town.database.get_tables() == tables
    assert ledger.migrations(town.system) == []
    assert not (town.instance / "snapshots").exists()
    if town.database.engine == "postgresql":
        left = town.database.execute_sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'townhall%%'").fetchall()
        assert left == []


def database_url(town: Town) -> str:
    """Where the town's database is."""
    if town.database.engine == "sqlite":
        return f"sqlite:///{Path(str(town.database.database)).name}"
    return str(town.database.database)


def test_townhalls_own_migrations_stop_the_start_when_they_fail(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer Townhall changes its own tables in the same way, and an older one refuses a database it can't know."""
    folder = tmp_path / "core"
    (folder / "migrations").mkdir(parents=True)
    monkeypatch.setattr(upgrading, "CORE_FOLDER", folder)
    file = folder / "migrations" / "0002_core.py"
    file.write_text("def migrate(step):\n    step.sql('UPDATE meta SET value = 1')\n    raise ValueError('no')\n")
    with pytest.raises(ConfigurationError, match=r"0002_core\.py: ValueError: no"):
        again(town)
    file.write_text("def migrate(step):\n    step.sql('ALTER TABLE role RENAME COLUMN label TO words')\n")
    before = {column.name for column in town.database.get_columns("role")}
    new = again(town, retry=True)
    assert {column.name for column in new.database.get_columns("role")} == before | {"words"}
    assert "core: 0002_core.py: Ran its code." in new.changes
    meta.put(town.system, "core_version", "99.0")
    with pytest.raises(ConfigurationError, match=r"last used with Townhall 99\.0"):
        again(town)


BILL = '[type]\nname = "bill"\ntitle = "{what}"\n[fields.what]\ntype = "text"\n'


def test_a_module_that_links_to_another_one_follows_its_renames(town: Town) -> None:
    """When a required module renames a type, the one that links to it keeps its links and can migrate in its turn."""
    start(town)
    fee = make(town, payer="A")
    bill = BILL + '[fields.fee]\ntype = "link"\nto = "fees.fee"\n'
    lay(town, "1.0.0", {"bill.toml": bill}, name="bills", requires="fees")
    switching.enable(town, system(), "bills")
    one = make(town, "bills.bill", what="Water", fee=fee.id)
    views = town.system.saved_view
    views.insert(identity="bills.bill", label="A", query="fee.payer=A", owner_id=1, created_at=0).execute()
    generation = town.generation()
    lay(town, "2.0.0", SECOND, {"0002_charges.toml": RENAMES})
    assert set(again(town).plugins.problems) == {"bills"}
    assert not town.is_current
    assert town.generation() > generation
    step = '[[steps]]\nrename_field = { type = "bill", from = "fee", to = "charge" }\n'
    renamed = written(bill, ("fees.fee", "fees.charge"), ("fields.fee", "fields.charge"))
    lay(town, "2.0.0", {"bill.toml": renamed}, {"0002_charge.toml": step}, name="bills", requires="fees")
    new = again(town)
    assert new.plugins.problems == {}
    assert new.records.get(STAFF, "bills.bill", one.id)["charge"] == fee.id
    assert views.select(views.query).tuples().first()[0] == "charge.who=A"


def test_a_failed_upgrade_holds_back_whoever_needs_it(town: Town) -> None:
    """A module that requires one whose upgrade failed is off too, with a sentence, and its tables wait."""
    start(town)
    lay(town, "1.0.0", {"bill.toml": BILL}, name="bills", requires="fees")
    switching.enable(town, system(), "bills")
    lay(town, "2.0.0", FIRST, {"0002_bad.py": "def migrate(step):\n    1 / 0\n"})
    step = '[[steps]]\nfill = { type = "bill", field = "what", value = "x" }\n'
    lay(town, "2.0.0", {"bill.toml": BILL}, {"0002_fill.toml": step}, name="bills", requires="fees")
    new = again(town)
    assert set(new.plugins.problems) == {"bills", "fees"}
    assert "fees, which is not running" in new.plugins.problems["bills"]
    assert ledger.migrations(town.system) == []
