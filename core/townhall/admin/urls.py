"""Addresses of the staff pages. They are promises, so they are spelled out here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote
from urllib.parse import urlencode

ADMIN = "/admin/"
SEARCH = "/admin/search/"
CALENDAR = "/admin/calendar/"
FIGURES = "/admin/figures/"
DIGEST = "/admin/digest/"
PLUGINS = "/admin/plugins/"
PACKS = "/admin/packs/"
MODULES = "/admin/modules/"
#: The pages about plugins, which run no code of theirs.
ABOUT_PLUGINS = (PLUGINS, PACKS, MODULES)
JOBS = "/admin/jobs/"
SETTINGS = "/admin/settings/"
TYPES = "/admin/types/"
QUEUES = "/admin/queues/"
ROUTING = "/admin/routing/"
WARDS = "/admin/wards/"
MESSAGES = "/admin/messages/"
OUTBOX = "/admin/messages/outbox/"
LETTERS = "/admin/messages/letters/"
HISTORY = "/admin/history/"
FILES = "/admin/files/"
PEOPLE = "/admin/people"
ROLES = "/admin/roles/"
ACCOUNT = "/admin/account"
#: Digits of a number that any column can hold.
LONGEST_NUMBER = 18


def plugin_url(name: str) -> str:
    """The page of one plugin."""
    return f"{PLUGINS}{quote(name, safe='')}/"


def job_url(name: str) -> str:
    """The page of one job."""
    return f"{JOBS}{quote(name, safe='')}/"


def list_url(identity: str) -> str:
    """The list of a type."""
    plugin, _, name = identity.partition(".")
    return f"/admin/{plugin}/{name}/"


def record_url(identity: str, id: int, page: str = "") -> str:
    """A record's page, or one of the pages below it (``edit``, ``print``, ``move/close``)."""
    return f"{list_url(identity)}{id}/{page}"


def type_url(identity: str, page: str = "") -> str:
    """The page where a town changes what a type's fields are called, or one of the pages below it."""
    return f"{TYPES}{identity}/{page}"


def new_url(identity: str, **query: str | int) -> str:
    """The form for a new record."""
    return with_query(f"{list_url(identity)}new", query.items())


def with_query(path: str, pairs: Iterable[tuple[str, str | int]]) -> str:
    """``path`` with a query string, or alone when there is nothing to ask."""
    query = encoded(tuple((key, value) for key, value in pairs if value != ""))
    return f"{path}?{query}" if query else path


@lru_cache(maxsize=2000)
def encoded(pairs: tuple[tuple[str, str | int], ...]) -> str:
    """A query string. The same few stand in the links of one page after the other."""
    return urlencode(pairs)


def number(text: str | None, fallback: int = 0) -> int:
    """The number that an address or a form names, such as a record's; ``fallback`` for anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else fallback
