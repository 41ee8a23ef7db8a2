"""Error pages: what happened and what to do, in plain words, in the look of the side that the visitor is on."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Flask
from flask import Response
from flask import current_app
from flask import g
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from peewee import DatabaseError
from peewee import InternalError
from peewee import OperationalError
from werkzeug.exceptions import HTTPException

from townhall.current import current_town
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.logs import one_line
from townhall.own_paths import is_own_path
from townhall.portal import error_page
from townhall.records.outdating import retry_if_switched
from townhall.security import OtherName
from townhall.security import under_other_name

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

log = logging.getLogger("townhall")

#: Title and explanation by status code. Codes that are not here are explained like 400.
WORDS = {
    400: ("This could not be read", "Something in what was sent is not as it should be. Go back and try again."),
    403: ("You may not see this", "This page is only for some people. Ask an administrator if you need it."),
    404: ("There is nothing here", "The address may be mistyped, or what was here is gone. Try the start page."),
    405: ("This page can’t be opened like that", "Go back and use the button or link that leads here."),
    409: ("Somebody was faster", "This changed while you were working on it. Open it again to see how it stands now."),
    413: ("That is too much at once", "Send fewer or smaller files. What you typed is still there when you go back."),
    415: ("This kind of file can’t be read", "Save it in another format and try again."),
    422: ("This can’t be saved as it is", "Go back, change what is wrong and send it again."),
    429: ("That was too often", "Wait a while and try again. If it can’t wait, call us."),
    500: (
        "Something went wrong on our side",
        "It was written down for whoever looks after this site. Try again later.",
    ),
    503: (
        "We can’t do this at the moment",
        "Nothing was saved. Try again in a few minutes: what you typed is still there when you go back.",
    ),
}
_OURS = {NotFound: 404, Forbidden: 403, Conflict: 409, Rejected: 422, ValidationFailed: 422}


def install(app: Flask) -> None:
    """Give ``app`` its error pages."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OtherName, _other_name)
    for error, code in _OURS.items():
        app.register_error_handler(error, _ours(code))
    app.register_error_handler(OperationalError, _database_refuses)
    app.register_error_handler(InternalError, _database_refuses)  # how a read-only PostgreSQL says it
    app.register_error_handler(Exception, _unexpected)


def _http(error: HTTPException) -> AnyResponse:
    if error.code is None or error.code < 400 or error.response is not None:
        return error.get_response()
    # Only what our own code said is shown; the libraries' standard sentences are not written for visitors.
    said = error.description if error.description != type(error).description else ""
    response = page(error.code, said or "")
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _other_name(error: OtherName) -> Response:
    """What a stranger's name leads to needs no page with a menu, which links under that name."""
    return _plain(400, "This is not our address", error.description or "")


def _ours(code: int):  # type: ignore[no-untyped-def]  # Flask's handlers take one error and give a response
    def handler(error: Exception) -> AnyResponse:
        return page(code, str(error))

    return handler


def _unexpected(error: Exception) -> AnyResponse:
    if isinstance(error, DatabaseError):
        _retry_if_switched()
    log.exception("A page failed: %s %s", one_line(request.method), one_line(request.path))
    g.pop("_flashes", None)
    return _plain(500, *WORDS[500])


def _database_refuses(error: Exception) -> AnyResponse:
    """The database is locked, full, read-only or away: the next try may well work."""
    _retry_if_switched()
    log.exception("The database refused: %s %s", one_line(request.method), one_line(request.path))
    g.pop("_flashes", None)
    return _plain(503, *WORDS[503])


def _retry_if_switched() -> None:
    """Have the request made again if it failed because of a switch; a database that is away can't tell."""
    with suppress(Exception):
        retry_if_switched(current_town())


def page(code: int, said: str = "") -> Response:
    """The error page for ``code``; ``said`` replaces the standard explanation.

    Under a name that is not the town's there is none, since it would tell what the town's pages tell.
    """
    if under_other_name():
        return _other_name(OtherName())
    if code == 404 and request.method in {"GET", "HEAD"} and (led_on := _moved() or _without_slash()):
        return led_on
    title, words = WORDS.get(code, WORDS[400])
    message = said or words
    try:
        if request.path.startswith("/admin"):
            return make_response(render_template("errors/staff.html", title=title, message=message), code)
        return error_page(code, title, message)
    except Exception:
        log.exception("The error page itself failed")
        return _plain(code, title, message)


def _moved() -> Response | None:
    """The way to where a page is now whose type was renamed: old bookmarks and printed codes lead on."""
    town = current_town()
    path = town.old_names.address(request.path)
    return None if path == request.path else _lead_to(path)


def _without_slash() -> Response | None:
    """The way to a page whose address was typed with a slash too many at its end. Where one is missing, Flask knows."""
    path = request.path.rstrip("/")
    adapter = current_app.create_url_adapter(request)
    if path == request.path or adapter is None or not is_own_path(path):
        return None
    try:
        adapter.match(path, method=request.method)
    except HTTPException:  # no page either, or one that is led to elsewhere
        return None
    return _lead_to(f"{request.script_root}{path}", 308)


def _lead_to(path: str, code: int = 302) -> Response:
    query = request.query_string.decode("ascii", "replace")
    return make_response(redirect(f"{quote(path)}?{query}" if query else quote(path), code))


def _plain(code: int, title: str, message: str) -> Response:
    """A page that needs nothing but its own template, for when anything else may be broken."""
    return make_response(render_template("errors/plain.html", title=title, message=message), code)
