"""What it costs that somebody may see some records only: lists under each scope, as ratios to the same list of all.

A colleague who sees all opens the same list in turn, so that both meet the same machine.
"""

from __future__ import annotations

import re
from functools import partial
from html import unescape

from tests.bench.cases import AIM as FIGURES_AIM
from tests.bench.cases import FIGURES
from tests.bench.cases import LIST as REQUESTS
from tests.bench.cases import REQUEST
from tests.bench.cases import line
from tests.bench.making import CONTACT
from tests.bench.making import EMAIL
from tests.bench.making import PASSWORD
from tests.bench.making import Visitor
from tests.bench.measuring import Cost
from tests.bench.measuring import cost
from tests.bench.measuring import costs
from tests.bench.measuring import heading
from tests.bench.measuring import ratio

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.permissions import SCOPES
from townhall.access.roles import ROLES
from townhall.accounts import people
from townhall.accounts import roles
from townhall.records.types import Record
from townhall.town import Town

CONTACTS = "/admin/core/contact/"
LISTS = ((CONTACTS, "contacts"), (REQUESTS, "service requests"))
AIM = "aim: under 1.2 x"
COLLEAGUE = "colleague@millbrook.example"
#: Contacts that the clerk added, for the scope of one's own.
OWN = 200
#: Cases that somebody from outside was given.
GIVEN = 100
RUNS = 15
CHANGES = 10
#: Pages that are opened one after the other, with those to warm up.
PAGES = 17
_SHOWN = {url: re.compile(rf'href="{url}(\d+)/"') for url, _ in LISTS}
_NEXT = re.compile(r'href="([^"]*[?&;]after=[^"]+)"')


def role_costs(town: Town) -> None:
    """Lists of contacts and of cases, for all and under each scope, and a department's figures. The town has cases."""
    office = system("cli")
    person = people.find(town, EMAIL)
    queue = _queue(town, "Queue A")
    town.records.update(office, "core.queue", queue.id, {"members": [{"person": person.id}]}, version=queue.version)
    clerk = Actor("staff", person.name, person.id, ROLES["clerk"].permissions, door="admin")
    for number in range(OWN):
        town.records.create(clerk, "core.contact", {"kind": "person", "family_name": f"Own {number}"})
    town.database.keep_statistics()
    people.add(town, office, COLLEAGUE, name="All Clerk", role="clerk", password=PASSWORD)
    everybody, visitor = Visitor(town, email=COLLEAGUE), Visitor(town)
    heading("Scopes: CPU of a list, as ratios to the same list of somebody who sees all")
    role = roles.create(town, office, "Measured")
    people.set_role(town, office, person.id, role.name)
    kept = ROLES["clerk"].permissions - {"*.view"}
    roles.set_permissions(town, office, role.name, ROLES["department_clerk"].permissions)
    _lists(town, everybody, visitor, "as a department clerk")
    for page, words in FIGURES:
        for period in ("last_quarter", "last_year"):
            url = f"/admin/figures/{page}?type={REQUEST}&period={period}&count=again"
            name = f"ms figures, {words}, {period.replace('_', ' ')}, as a department clerk"
            line(name, partial(visitor.get, url), FIGURES_AIM)
    _in_turn(town, everybody, visitor)
    _outside(town, everybody)
    for scope in reversed(SCOPES):
        roles.set_permissions(town, office, role.name, kept | {"*.view" if scope == "all" else f"*.view@{scope}"})
        _lists(town, everybody, visitor, f"scope {scope}")
    people.set_role(town, office, person.id, "clerk")
    roles.delete(town, office, role.name)


def _outside(town: Town, everybody: Visitor) -> None:
    """The lists of those who come from outside, and were given few cases."""
    office, email = system("cli"), "outside@millbrook.example"
    person = people.add(town, office, email, name="Out Side", role="contractor", password=PASSWORD)
    for case in town.records.find(office, REQUEST, limit=GIVEN, fields=()).records:
        town.records.update(office, REQUEST, case.id, {"assignee": person.id}, version=case.version)
    visitor = Visitor(town, email=email)
    for role in ("contractor", "reviewer"):
        people.set_role(town, office, person.id, role)
        _lists(town, everybody, visitor, f"as a {role}")


def _lists(town: Town, everybody: Visitor, visitor: Visitor, whose: str) -> None:
    """The lists of somebody: asked again, the first one after something changed, and going on from page to page."""
    for url, name in LISTS:
        both = [partial(who.get, url) for who in (everybody, visitor)]
        floor, spent = costs(*both, runs=RUNS)
        ratio(f"list of {name}, {whose}", spent, floor, AIM)
        changes = (
            (partial(_note, town, _first_of(visitor, CONTACTS)), "a contact in it changed"),
            (partial(_hand_over, town), "a request came"),
        )
        for change, what in changes:
            floor, spent = costs(*both, runs=CHANGES, before=change)
            ratio(f"  the first one after {what}", spent, floor, AIM)
        pages = [_further(who, url) for who in (everybody, visitor)]
        if all(len(each) == PAGES for each in pages):
            _start_anew(town)
            visitor.get(url)
            ways = zip((everybody, visitor), map(iter, pages), strict=True)
            on = [lambda who=who, way=way: who.get(next(way)) for who, way in ways]  # type: ignore[misc]
            floor, spent = costs(*on, runs=PAGES - 2)
            ratio("  from page to page", spent, floor, AIM)


def _in_turn(town: Town, *colleagues: Visitor) -> None:
    """A server's day: different pages of different people and a save, one after the other, against each by itself."""
    resident = Visitor(town, signed_in=False)
    case, contact = (f"{url}{_first_of(colleagues[-1], url)}/" for url in (REQUESTS, CONTACTS))
    day = ("/admin/", REQUESTS, case, f"{case}edit", f"{REQUESTS}new", CONTACTS, contact, f"{contact}edit")
    day += (f"{CONTACTS}?kind=person", "/admin/calendar/", "/admin/search/?q=halina")
    doings = [partial(_hand_over, town), *(partial(who.get, url) for who in colleagues for url in day)]
    doings += [partial(resident.get, url) for url in ("/", "/requests/", "/search?q=report")]
    alone = [cost(each, runs=5) for each in doings]
    spent = cost(lambda: [each() for each in doings], runs=5)
    floor = Cost(sum(each.cpu for each in alone), sum(each.wall for each in alone))
    ratio(f"{len(doings)} pages and saves in turn, against each by itself", spent, floor, "aim: 1.1 x")


def _first_of(visitor: Visitor, url: str) -> int:
    """The first record of a list; any if there is none."""
    found = _SHOWN[url].search(visitor.get(url))
    return int(found.group(1)) if found else 1


def _note(town: Town, id: int) -> None:
    contact = town.records.get(system("cli"), CONTACT, id, fields=())
    values = {"please_note": f"Call {contact.version}"}
    town.records.update(system("cli"), CONTACT, contact.id, values, version=contact.version)


def _hand_over(town: Town) -> None:
    """Let a request, one of the newest that were given to nobody here, come to the measured team or leave it."""
    office = system("cli")
    case = town.records.find(office, REQUEST, sort="-id", limit=2 * GIVEN, fields=()).records[-1]
    ours, other = (_queue(town, name).id for name in ("Queue A", "Queue B"))
    to = other if case.queue == ours else ours
    town.records.update(office, REQUEST, case.id, {"queue": to}, version=case.version)


def _queue(town: Town, name: str) -> Record:
    return town.records.find(system("cli"), "core.queue", {"name": name}, limit=1).records[0]


def _start_anew(town: Town) -> None:
    """Let nobody know any more what was in any list."""
    office = system("cli")
    queue = _queue(town, "Queue B")
    told = {"description": f"Since version {queue.version}"}
    town.records.update(office, "core.queue", queue.id, told, version=queue.version)


def _further(visitor: Visitor, url: str) -> list[str]:
    """Addresses of the pages that follow a list's first one."""
    found: list[str] = []
    while len(found) < PAGES and (link := _NEXT.search(visitor.get(found[-1] if found else url))):
        found.append(unescape(link.group(1)))
    return found
