"""Visitors and colleagues without a browser: they open pages, follow links, and send forms with their tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from html import unescape
from typing import Any

from flask import Flask
from werkzeug.test import Client as HttpClient
from werkzeug.test import TestResponse

from townhall.access.actors import system
from townhall.accounts import people
from townhall.app import create_app
from townhall.town import Town
from townhall.wsgi import TownApplication

PASSWORD = "correct horse battery"  # noqa: S105  # of towns that are thrown away
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Client:
    """A visitor of the public site, with a browser that runs no scripts."""

    def __init__(self, app: Flask | TownApplication) -> None:
        self.http: HttpClient = HttpClient(app) if isinstance(app, TownApplication) else app.test_client()
        self.token = ""

    def get(self, url: str, **options: Any) -> TestResponse:
        """Open a page, and remember the token of its form."""
        response = self.http.get(url, **options)
        found = _TOKEN.search(response.text) if response.mimetype == "text/html" else None
        if found is not None:
            self.token = found.group(1)
        return response

    def post(self, url: str, data: Mapping[str, Any], **options: Any) -> TestResponse:
        """Send a form, with the token of the last page that had one."""
        return self.http.post(url, data={"csrf_token": self.token, **data}, **options)

    def follow(self, response: TestResponse) -> TestResponse:
        """Go where a redirect leads. Raises :class:`AssertionError` if it is none."""
        if response.status_code not in (302, 303):
            raise AssertionError(f"{response.status_code} is no redirect: {plain(response.text)}")
        return self.get(response.headers["Location"])


class StaffClient(Client):
    """Somebody who is signed in, and signs in anew once the town's clock was set forward past the end of a session."""

    def __init__(self, app: Flask | TownApplication, email: str, password: str = PASSWORD) -> None:
        super().__init__(app)
        self._app = app
        self._who = {"email": email, "password": password}
        self._sign_in()

    def get(self, url: str, **options: Any) -> TestResponse:
        """Open a page, and remember the token of its form."""
        self._go_on()
        return super().get(url, **options)

    def post(self, url: str, data: Mapping[str, Any], **options: Any) -> TestResponse:
        """Send a form, with the token of the last page that had one."""
        self._go_on()
        if not self.token:
            super().get("/admin/account")  # it has a form, and so the token of this session
        return super().post(url, data, **options)

    def _sign_in(self) -> None:
        self._since = self._seen = self._town.clock.now()
        super().get("/admin/sign-in")
        signed = super().post("/admin/sign-in", self._who)
        if signed.status_code != 302:
            raise AssertionError(f"{self._who['email']} could not sign in: {plain(signed.text)}")
        self.token = ""  # the one of the page to sign in is of another session

    def _go_on(self) -> None:
        now, settings = self._town.clock.now(), self._town.settings
        idle, longest = timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours)
        if now - self._seen >= idle or now - self._since >= longest:
            self._sign_in()
        self._seen = now

    @property
    def _town(self) -> Town:
        return self._app.town if isinstance(self._app, TownApplication) else self._app.extensions["townhall"]


def add_person(town: Town, email: str, role: str, name: str = "") -> int:
    """Let somebody work here; their id."""
    named = name or email.partition("@")[0].capitalize()
    return people.add(town, system("cli"), email, name=named, role=role, password=PASSWORD).id


def staff_client(town: Town, role: str = "clerk", app: Flask | TownApplication | None = None) -> StaffClient:
    """A client for a new colleague with this role."""
    email = f"{role}@milbrook.example"
    add_person(town, email, role)
    return StaffClient(app or create_app(town), email)


def plain(html: str) -> str:
    """The words of a page, without its tags."""
    body = re.sub(r"<(script|style|svg).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
