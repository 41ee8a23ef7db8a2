"""The kit's clients, and the words of the pages that they were given."""

from __future__ import annotations

import re
from html import unescape

from werkzeug.test import TestResponse

from townhall.testing import clients
from townhall.testing.clients import PASSWORD
from townhall.testing.clients import StaffClient
from townhall.testing.clients import add_person
from townhall.testing.clients import staff_client

__all__ = ["PASSWORD", "StaffClient", "add_person", "hidden", "main_of", "plain", "staff_client"]


def plain(response: TestResponse) -> str:
    """The words of a page, without its tags."""
    return clients.plain(response.text)


def main_of(response: TestResponse) -> str:
    """The words of a page's main part, without menu and bar."""
    start = response.text.find("<main")
    assert start >= 0, response.text[:500]
    return clients.plain(response.text[start:])


def hidden(response: TestResponse, name: str) -> str:
    """The value of a hidden input."""
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', response.text)
    assert found is not None, f"no input {name}"
    return unescape(found.group(1))
