"""Telling addresses of this site from others, so that nobody is sent elsewhere after signing in."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_local(address: str) -> bool:
    """Whether ``address`` is a path of this site: ``/admin/...`` and nothing that a browser reads as another host."""
    if not address.startswith("/") or address.startswith(("//", "/\\")):
        return False
    if any(ord(letter) < 32 or letter == "\\" for letter in address):
        return False
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc
