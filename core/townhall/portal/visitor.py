"""Who is visiting: the session's secret links and drafts, as whom they are signed in, and what keeps it from others.

Whoever is signed in for their own requests has a token in the cookie and a row in the database; their grants are all
that belongs to them (:mod:`townhall.records.owning`), and each page acts with no more of them than it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Response
from flask import g
from flask import request
from flask import session

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.citizens import sessions
from townhall.limiting import allow
from townhall.limiting import visitor as subject_of
from townhall.records import owning

if TYPE_CHECKING:
    from townhall.records.types import Record
    from townhall.town import Town

#: Purpose of the links that open a request's status page.
STATUS = "status"
#: Requests and drafts that one browser keeps open at most; the oldest makes room.
KEPT_REQUESTS = 8
KEPT_DRAFTS = 5
HOUR = timedelta(hours=1)
#: Letters that the question for a name takes.
LONGEST_NAME = 120
#: Links that go to one e-mail address within an hour at most, whoever asks.
LINKS_PER_ADDRESS = 5
#: Codes that one address may try, and drafts that it may begin, for each form that it may send in an hour.
TRIES_PER_FORM = 5


def remember_request(number: str, token: str) -> None:
    """Let this browser open a request without the link in its address, until it is closed or the link is revoked."""
    session["requests"] = _with(session.get("requests", {}), number, token, KEPT_REQUESTS)


def remember_draft(name: str, key: str) -> None:
    """Tie a draft's key to the short name under which its pages stand."""
    session["drafts"] = _with(session.get("drafts", {}), name, key, KEPT_DRAFTS)


def forget_request(number: str) -> None:
    """Close a request in this browser."""
    session["requests"] = {one: token for one, token in session.get("requests", {}).items() if one != number}


def draft_key(name: str) -> str:
    """Key of the draft under a name; empty if this browser has none."""
    return str(session.get("drafts", {}).get(name, ""))


def request_numbers() -> list[str]:
    """Numbers of the requests that this browser has open, the newest first."""
    return list(reversed(session.get("requests", {})))


def opened(town: Town, number: str) -> tuple[str, int] | None:
    """Identity and id of the request ``number``: opened by a link that still holds, or the visitor's own."""
    by_link = _linked(town, number)
    if by_link is not None or not own_grants(town):
        return by_link
    return owning.by_number(town, citizen(own_grants(town)), number)


def visiting(town: Town) -> Actor:
    """The visitor with every request that this browser has open and all that are theirs."""
    found = {_linked(town, number) for number in request_numbers()}
    grants = frozenset(one for one in found if one is not None) | own_grants(town)
    return citizen(grants) if grants else ANONYMOUS


def _linked(town: Town, number: str) -> tuple[str, int] | None:
    token = session.get("requests", {}).get(number, "")
    return town.records.resolve_link(token, STATUS) if token else None


# -- signed in --------------------------------------------------------------------------------------------------------


def signed_in(town: Town) -> Record | None:
    """The contact that the visitor is signed in as, while the session lasts and the contact may."""
    if "signed_in" not in g:
        id = sessions.contact_of(town, session_token())
        g.signed_in = owning.contact(town, id) if id is not None else None
    found: Record | None = g.signed_in
    return found


def own_grants(town: Town) -> frozenset[tuple[str, int]]:
    """All that belongs to whom the visitor is signed in as; nothing if they are not."""
    if "own_grants" not in g:
        contact = signed_in(town)
        g.own_grants = owning.grants(town, contact.id) if contact is not None else frozenset()
    found: frozenset[tuple[str, int]] = g.own_grants
    return found


def as_sender(town: Town) -> dict[str, str]:
    """The contact questions of a public form as whoever is signed in would answer them; empty for others."""
    contact = signed_in(town)
    if contact is None:
        return {}
    ways = {"contact_email": ("emails", "address"), "contact_phone": ("phones", "number")}
    found = {"contact_name": contact.title[:LONGEST_NAME]}
    for name, (rows, column) in ways.items():
        lines = sorted(contact[rows] or (), key=lambda row: not row.get("primary"))
        usable = [str(row[column]) for row in lines if row.get(column) and not row.get("bounced")]
        found[name] = usable[0] if usable else ""
    return found


def sender_id(town: Town, sender: Mapping[str, str] | None) -> int | None:
    """Id of the contact that is signed in, if it is who a form names as its sender; others may be named there too."""
    contact = signed_in(town)
    if contact is None or not sender:
        return None
    ways = [row["address"].casefold() for row in contact["emails"] or ()]
    ways += [row["number"] for row in contact["phones"] or ()]
    given = {sender.get("email", "").casefold(), sender.get("phone", "")} - {""}
    same = " ".join(sender.get("name", "").split()).casefold() == contact.title.casefold()
    return contact.id if same and given & set(ways) else None


def session_token() -> str:
    """The token of the visitor's session; empty if they are not signed in."""
    return str(session.get("citizen", ""))


def sign_in(town: Town, token: str) -> None:
    """Let the visitor go on in a session that was begun; one that they had before ends."""
    sessions.end(town, session_token())
    session["citizen"] = token
    forget_asked()


def sign_out(town: Town) -> None:
    """End the visitor's session, and close all that this browser has open, drafts included."""
    sessions.end(town, session_token())
    for name in ("citizen", "requests", "drafts", "entering", "confirming"):
        session.pop(name, None)
    forget_asked()


def forget_asked() -> None:
    """Find out anew as whom the visitor is signed in."""
    g.pop("signed_in", None)
    g.pop("own_grants", None)


def drafts_open() -> dict[str, str]:
    """The keys of the drafts that this browser has open, by the name under which their pages stand."""
    return dict(session.get("drafts", {}))


# -- what they may ----------------------------------------------------------------------------------------------------


def within_limit(town: Town, deed: str, times: int = 1) -> bool:
    """Count one ``deed`` of the visitor's address; whether it may do it (again) this hour."""
    limit = town.settings.public_submissions_per_hour * times
    return allow(town, f"portal.{deed}", subject_of(request.remote_addr), limit=limit, per=HOUR)


def within_address_limit(town: Town, address: str) -> bool:
    """Count one link to an e-mail address; whether it may get one (more) this hour, whoever asks."""
    return allow(town, "portal.link.address", address.casefold(), limit=LINKS_PER_ADDRESS, per=HOUR)


def keep_private(response: Response) -> Response:
    """Headers of a page that only its visitor may see: not kept, not indexed, never named to the next site."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _with(kept: dict[str, str], name: str, secret: str, most: int) -> dict[str, str]:
    rest = {one: value for one, value in kept.items() if one != name}
    rest[name] = secret
    return dict(list(rest.items())[-most:])
