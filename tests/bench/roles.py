"""What it costs that somebody may see some records only: lists under each scope, as ratios to the same list of all."""

from __future__ import annotations

from functools import partial

from tests.bench.cases import AIM as FIGURES_AIM
from tests.bench.cases import FIGURES
from tests.bench.cases import LIST as REQUESTS
from tests.bench.cases import REQUEST
from tests.bench.cases import line
from tests.bench.making import EMAIL
from tests.bench.making import Visitor
from tests.bench.measuring import Cost
from tests.bench.measuring import cost
from tests.bench.measuring import heading
from tests.bench.measuring import ratio

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.permissions import SCOPES
from townhall.access.roles import ROLES
from townhall.accounts import people
from townhall.accounts import roles
from townhall.town import Town

CONTACTS = "/admin/core/contact/"
AIM = "aim: under 1.2 x"
#: Contacts that the clerk added, for the scope of one's own.
OWN = 200


def role_costs(town: Town) -> None:
    """Lists of contacts and of cases, for all and under each scope, and a department's figures. The town has cases."""
    office = system("cli")
    person = people.find(town, EMAIL)
    queue = town.records.find(office, "core.queue", {"name": "Queue A"}, limit=1).records[0]
    town.records.update(office, "core.queue", queue.id, {"members": [{"person": person.id}]}, version=queue.version)
    clerk = Actor("staff", person.name, person.id, ROLES["clerk"].permissions | {"*.import"}, door="import")
    rows = [{"kind": "person", "family_name": f"Own {number}"} for number in range(OWN)]
    town.records.import_rows(clerk, "core.contact", rows)
    town.database.execute_sql("ANALYZE")
    visitor = Visitor(town)
    floors = {url: _page(visitor, url) for url in (CONTACTS, REQUESTS)}
    heading("Scopes: CPU of a list, as ratios to the same list without one")
    role = roles.create(town, office, "Measured")
    people.set_role(town, office, person.id, role.name)
    kept = ROLES["clerk"].permissions - {"*.view"}
    roles.set_permissions(town, office, role.name, ROLES["department_clerk"].permissions)
    ratio("list of contacts, as a department clerk", _page(visitor, CONTACTS), floors[CONTACTS], AIM)
    for page, words in FIGURES:
        for period in ("last_quarter", "last_year"):
            url = f"/admin/figures/{page}?type={REQUEST}&period={period}&count=again"
            name = f"ms figures, {words}, {period.replace('_', ' ')}, as a department clerk"
            line(name, partial(visitor.get, url), FIGURES_AIM)
    for scope in reversed(SCOPES):
        roles.set_permissions(town, office, role.name, kept | {"*.view" if scope == "all" else f"*.view@{scope}"})
        for url, name in ((CONTACTS, "contacts"), (REQUESTS, "service requests")):
            ratio(f"list of {name}, scope {scope}", _page(visitor, url), floors[url], AIM)
    people.set_role(town, office, person.id, "clerk")
    roles.delete(town, office, role.name)


def _page(visitor: Visitor, url: str) -> Cost:
    return cost(lambda: visitor.get(url), runs=15)
