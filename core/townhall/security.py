"""What protects every page: headers, the content security policy and tokens against forged posts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from copy import copy
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from functools import lru_cache
from io import BytesIO
from typing import IO
from typing import TYPE_CHECKING
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask import Request
from flask import Response
from flask import abort
from flask import current_app
from flask import g
from flask import render_template
from flask import request
from flask import session
from flask.sessions import SecureCookieSession
from flask.sessions import SecureCookieSessionInterface
from flask.sessions import SessionMixin
from flask_wtf.csrf import CSRFError
from flask_wtf.csrf import CSRFProtect
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadSignature
from itsdangerous import URLSafeTimedSerializer
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.datastructures import MultiDict
from werkzeug.datastructures import iter_multi_items
from werkzeug.exceptions import BadRequest
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from townhall.hosts import Hosts
from townhall.hosts import hosts_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from townhall.config import Settings

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'nonce-{nonce}'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Under the stricter no-referrer browsers leave a post's Origin out; pages whose address is a secret set that.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Where monitors ask whether the town is well.
HEALTH = "/health"
#: How old a session's cookie gets before a page that changes nothing in it writes it anew.
REWRITTEN_AFTER = timedelta(minutes=1)
#: With what Flask-WTF signs its tokens.
_CSRF_SALT = "wtf-csrf-token"
#: Most sessions whose signatures are not worked out again.
SESSIONS_KNOWN = 500
#: Values of fields with these words in their names are never written back into a page.
_SECRETS = ("password", "csrf_token")


class CleanParameters(ImmutableMultiDict[str, Any]):
    """What an address or a form sends, without zero characters: no column keeps them, and nobody types them."""

    def __init__(self, mapping: Any = None) -> None:
        pairs = [] if mapping is None else list(iter_multi_items(mapping))
        super().__init__((_without_zeros(name), _without_zeros(value)) for name, value in pairs)

    def get(self, key: str, default: Any = None, type: Any = None) -> Any:  # type: ignore[override]
        """The first value, or the default: pages ask for many parameters and are sent few."""
        return super().get(key, default, type) if key in self else default


def _without_zeros(sent: Any) -> Any:
    return sent.replace("\0", "") if isinstance(sent, str) and "\0" in sent else sent


class OtherName(BadRequest):
    """A request was sent to a name that is not the town's."""

    description = (
        "This server doesn’t go by the name that it was called by. Use the town’s own address. Whoever looks after the "
        "server writes further names under hosts in [server] of townhall.toml."
    )


class BoundedForms(FormDataParser):
    """Reads forms of which neither the text nor the number of fields is more than the settings of the application."""

    def _parse_urlencoded(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, Any]]:
        # Werkzeug bounds forms with files alone: any other is read as a whole, however long it is.
        most = self.max_form_memory_size
        data = stream.read() if most is None else stream.read(most + 1)
        if most is not None and len(data) > most:
            raise RequestEntityTooLarge
        if self.max_form_parts is not None and data.count(b"&") >= self.max_form_parts:
            raise RequestEntityTooLarge
        return super()._parse_urlencoded(BytesIO(data), mimetype, content_length, options)


class TownRequest(Request):
    """A request whose parameters are clean, and no more than can be meant."""

    parameter_storage_class = CleanParameters
    form_data_parser_class = BoundedForms


class _Text:
    """Leaves what was signed as the text that it is."""

    loads = dumps = staticmethod(str)


class DatedSession(SecureCookieSession):
    """A session that knows when its cookie was written."""

    written: datetime | None = None


class SessionCookie(SecureCookieSessionInterface):
    """Session cookies that are marked secure exactly when the page came over HTTPS, and never ride on static files.

    A session lasts from its last use. Signing it anew with every page would cost as much as finding out who it is, so
    a cookie that is younger than :data:`REWRITTEN_AFTER` and says the same stays as it is.
    """

    session_class = DatedSession

    def __init__(self) -> None:
        self._signer: URLSafeTimedSerializer | None = None
        # A signature is as good as it was a page ago. Whether the cookie is too old is looked at each time.
        self._signed = lru_cache(maxsize=SESSIONS_KNOWN)(self._signed_text)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """What signs and reads cookies: an application has one key, so it is made once."""
        if self._signer is None:
            self._signer = super().get_signing_serializer(app)
        return self._signer

    def open_session(self, app: Flask, request: Request) -> DatedSession | None:
        """The session that the request's cookie holds; an empty one if there is none that can be believed."""
        signer = self.get_signing_serializer(app)
        cookie = request.cookies.get(self.get_cookie_name(app))
        if signer is None or not cookie:
            return None if signer is None else DatedSession()
        try:
            text, written = self._signed(signer, cookie)
            values = self.serializer.loads(text)
        except (BadSignature, ValueError):
            return DatedSession()
        if not timedelta(0) <= datetime.now(UTC) - written <= app.permanent_session_lifetime:
            return DatedSession()
        session = DatedSession(values)
        session.written = written
        return session

    @staticmethod
    def _signed_text(signer: URLSafeTimedSerializer, cookie: str) -> tuple[str, datetime]:
        """What a cookie says and when it was signed. Raises :class:`~itsdangerous.BadSignature` if it wasn't by us."""
        plain = copy(signer)
        plain.serializer = _Text()
        text, written = plain.loads(cookie, return_timestamp=True)
        return text, written

    def get_cookie_name(self, app: Flask) -> str:
        """Over HTTPS a name that browsers let nobody else set: not over HTTP, and not from another host or path."""
        name = super().get_cookie_name(app)
        return f"__Host-{name}" if request.is_secure else name

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        # A cache that keeps a file for everybody must never keep somebody's cookie with it.
        if is_file(request.path):
            return False
        written = session.written if isinstance(session, DatedSession) else None
        if written is not None and not session.modified and datetime.now(UTC) - written < REWRITTEN_AFTER:
            return False
        return super().should_set_cookie(app, session)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def is_file(path: str) -> bool:
    """Whether ``path`` is that of a file that is the same for everybody, whether there is one or not."""
    return path.startswith("/static/") or path in {"/town.css", "/favicon.ico", "/robots.txt", HEALTH}


def install(app: Flask, settings: Settings) -> None:
    """Put the protection in front of every page of ``app``."""
    app.session_interface = SessionCookie()
    app.debug = False  # whatever FLASK_DEBUG says: an error is never shown to a visitor
    app.request_class = TownRequest
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: people take their time over long forms
        WTF_CSRF_SSL_STRICT=False,  # it wants a referrer, which pages with secret addresses don't send; see below
    )
    CSRFProtect(app)
    app.jinja_env.globals["csrf_token"] = _csrf_tokens(app)
    first = [_begin, _refuse_other_names(hosts_of(settings)), _refuse_other_origins]
    app.before_request_funcs[None] = [*first, *app.before_request_funcs.get(None, [])]
    app.after_request(_protecting(settings))
    app.register_error_handler(CSRFError, _offer_to_send_again)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def _csrf_tokens(app: Flask) -> Callable[[], str]:
    """What gives forms their token: that of a session is signed once, since the signature has no time limit."""
    signed = lru_cache(maxsize=SESSIONS_KNOWN)(URLSafeTimedSerializer(app.secret_key or "", salt=_CSRF_SALT).dumps)

    def csrf_token() -> str:
        held = session.get("csrf_token")
        return str(signed(held)) if isinstance(held, str) else generate_csrf()

    return csrf_token


def csp_nonce() -> str:
    """The one-time word that allows this page's own scripts."""
    return str(g.csp_nonce)


def _begin() -> None:
    g.csp_nonce = secrets.token_urlsafe(16)


def _refuse_other_names(hosts: Hosts) -> Callable[[], None]:
    """What refuses a request that was sent to a name which is not the town's.

    Files that are the same for everybody are given out under any, also to monitors and to the page that says no. What
    was routed to none of them would be answered by a page or a way on, as would one that turns out not to be there.
    """

    def refuse() -> None:
        asked = request.environ.get("HTTP_HOST")
        if asked is None or hosts.answer_to(asked):
            return
        if request.url_rule is None or not is_file(request.path):
            raise OtherName
        g.other_name = True

    return refuse


def under_other_name() -> bool:
    """Whether the request was let through to a file although it was sent to a name that is not the town's."""
    return bool(g.get("other_name"))


def _refuse_other_origins() -> None:
    """A post that says it comes from another site is refused, token or not."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    origin = request.headers.get("Origin", "")
    foreign = origin not in {"", "null"} and not _is_here(origin)
    if foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
        abort(400, "This was sent from another site. Open the page here and send it again.")


def _is_here(origin: str) -> bool:
    """Whether an ``Origin`` names this site; something that is no address names none."""
    try:
        return urlsplit(origin).netloc == request.host
    except ValueError:
        return False


def bare_headers() -> list[tuple[str, str]]:
    """The protection of an answer that the server gives by itself, in which nothing runs or is loaded."""
    policy = (
        "Content-Security-Policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    )
    return [*_HEADERS.items(), policy, ("Cache-Control", "no-store")]


def _protecting(settings: Settings) -> Callable[[Response], Response]:
    """What gives every answer its headers."""
    insist = f"max-age={settings.hsts_days * 24 * 3600}" if settings.hsts_days else ""

    def protect(response: Response) -> Response:
        headers = response.headers
        there = {name.lower() for name, _ in headers}
        nonce = g.get("csp_nonce") or secrets.token_urlsafe(16)
        policy = ("Content-Security-Policy", _POLICY.format(nonce=nonce))
        for name, value in (*_HEADERS.items(), policy):
            if name.lower() not in there:
                headers.add(name, value)
        if insist and request.is_secure:
            headers.set("Strict-Transport-Security", insist)
        if "cache-control" not in there:
            # Nothing that somebody had to sign in for or typed stays on a computer; other pages are asked for anew.
            own = request.path.startswith("/admin") or request.method not in {"GET", "HEAD"}
            headers.add("Cache-Control", "no-store" if own else "private, no-cache")
        return response

    return protect


def _offer_to_send_again(error: CSRFError) -> tuple[str, int] | AnyResponse:
    staff = request.path.startswith("/admin/") and request.endpoint != "accounts.sign_in"
    return offer_to_send_again(400, signed_out=staff and "_user_id" not in session)


def offer_to_send_again(code: int, *, signed_out: bool = False) -> tuple[str, int]:
    """Show what was typed, with a fresh token and a button that sends it again, once somebody is signed in."""
    values = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if not any(word in name.lower() for word in _SECRETS)
    ]
    page = render_template(
        "errors/resend.html",
        values=values,
        action=request.full_path.rstrip("?"),
        multipart=request.mimetype == "multipart/form-data",
        files=[file.filename for file in request.files.values() if file.filename],
        left_out=any("password" in name.lower() for name in request.form),
        cookies=current_app.session_interface.get_cookie_name(current_app) in request.cookies,
        signed_out=signed_out,
    )
    return page, code
