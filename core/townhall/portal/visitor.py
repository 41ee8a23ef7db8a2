"""Who is visiting: the session's secret links and drafts, and what keeps both out of other people's sight."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Response
from flask import request
from flask import session

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.limiting import allow
from townhall.limiting import visitor as subject_of

if TYPE_CHECKING:
    from townhall.town import Town

#: Purpose of the links that open a request's status page.
STATUS = "status"
#: Requests and drafts that one browser keeps open at most; the oldest makes room.
KEPT_REQUESTS = 8
KEPT_DRAFTS = 5
HOUR = timedelta(hours=1)
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
    """Identity and id of the request that this browser opened under ``number``, while its link still holds."""
    token = session.get("requests", {}).get(number, "")
    return town.records.resolve_link(token, STATUS) if token else None


def visiting(town: Town) -> Actor:
    """The visitor with every request that this browser has open."""
    found = {opened(town, number) for number in request_numbers()} - {None}
    grants = frozenset(one for one in found if one is not None)
    return citizen(grants) if grants else ANONYMOUS


def within_limit(town: Town, deed: str, times: int = 1) -> bool:
    """Count one ``deed`` of the visitor's address; whether it may do it (again) this hour."""
    limit = town.settings.public_submissions_per_hour * times
    return allow(town, f"portal.{deed}", subject_of(request.remote_addr), limit=limit, per=HOUR)


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
