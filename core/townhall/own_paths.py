"""Telling paths of this site from other addresses: nobody is sent elsewhere by a link that somebody else made up."""

from __future__ import annotations

from urllib.parse import unquote
from urllib.parse import urlsplit

#: What a browser reads as another host, or leaves out before it looks.
_CONTROLS = frozenset(map(chr, (*range(32), 127)))


def is_own_path(address: str | None) -> bool:
    """Whether ``address`` is a path of this site, like ``/admin/``, and nothing that leads to another host.

    Its path is looked at as it stands and with its percent signs read, since something on the way may read them.
    """
    return bool(address) and _is_own(address or "") and _is_own(unquote((address or "").partition("?")[0]))


def own_path(target: str | None, fallback: str) -> str:
    """``target`` if it is a path of this site, else ``fallback``."""
    return target if target and is_own_path(target) else fallback


def _is_own(text: str) -> bool:
    path = text.partition("?")[0]
    if not text.startswith("/") or text.startswith("//") or "\\" in path or not _CONTROLS.isdisjoint(text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc
