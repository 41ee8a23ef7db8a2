"""A colleague's browser without scripts: signs in, follows links, and sends forms with their tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from flask import Flask
from werkzeug.test import Client
from werkzeug.test import TestResponse

from townhall.access.actors import system
from townhall.accounts import people
from townhall.app import create_app
from townhall.town import Town
from townhall.wsgi import TownApplication

PASSWORD = "correct horse battery"


class StaffClient:
    """Somebody who is signed in."""

    def __init__(self, app: Flask | TownApplication, email: str) -> None:
        self.http: Client = Client(app) if isinstance(app, TownApplication) else app.test_client()
        self.token = ""
        self.get("/admin/sign-in")
        signed = self.post("/admin/sign-in", {"email": email, "password": PASSWORD})
        assert signed.status_code == 302, signed.text
        self.get("/admin/account")  # it has a form, and so the token of this session

    def get(self, url: str, **options: Any) -> TestResponse:
        """Open a page."""
        response = self.http.get(url, **options)
        found = (
            re.search(r'name="csrf_token" value="([^"]+)"', response.text) if response.mimetype == "text/html" else None
        )
        if found is not None:
            self.token = found.group(1)
        return response

    def post(self, url: str, data: Mapping[str, Any], **options: Any) -> TestResponse:
        """Send a form."""
        return self.http.post(url, data={"csrf_token": self.token, **data}, **options)

    def follow(self, response: TestResponse) -> TestResponse:
        """Go where a redirect leads."""
        assert response.status_code in (302, 303), f"{response.status_code}: {plain(response)}"
        return self.get(response.headers["Location"])


def add_person(town: Town, email: str, role: str, name: str = "") -> int:
    """Let somebody work here."""
    named = name or email.partition("@")[0].capitalize()
    return people.add(town, system("cli"), email, name=named, role=role, password=PASSWORD).id


def staff_client(town: Town, role: str = "clerk", app: Flask | TownApplication | None = None) -> StaffClient:
    """A client for a new colleague with this role."""
    email = f"{role}@milbrook.example"
    add_person(town, email, role)
    return StaffClient(app or create_app(town), email)


def plain(response: TestResponse) -> str:
    """The words of a page, without its tags."""
    body = re.sub(r"<(script|style|svg).*?</\1>", " ", response.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def main_of(response: TestResponse) -> str:
    """The words of a page's main part, without menu and bar."""
    start = response.text.find("<main")
    assert start >= 0, response.text[:500]
    cut = TextResponse(response.text[start:])
    return plain(cut)  # type: ignore[arg-type]


class TextResponse:
    """Something with a text."""

    def __init__(self, text: str) -> None:
        self.text = text


def hidden(response: TestResponse, name: str) -> str:
    """The value of a hidden input."""
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', response.text)
    assert found is not None, f"no input {name}"
    return unescape(found.group(1))
