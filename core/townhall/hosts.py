"""The names that a town's server answers to: those in its settings, and those of the computer itself.

A request for any other name is refused. It comes from a link that somebody made up, from a name that was pointed at
this computer to get at a server inside (DNS rebinding), or from a setting that is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from townhall.config import Settings

#: Names by which only this computer itself can mean this server.
OWN = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: Addresses to listen on that stand for all that the computer has.
EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared, not bound
#: Any name at all.
ANY = "*"
_HEADER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)\.?(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Names in small letters; ``endings`` begin with a dot and stand for all names below."""

    names: frozenset[str]
    endings: tuple[str, ...] = ()
    any: bool = False

    def answer_to(self, header: str) -> bool:
        """Whether a ``Host`` header, perhaps with a port, names this server."""
        found = _HEADER.fullmatch(header)
        if found is None:
            return False
        name = found[1].lower()
        return self.any or name in self.names or name.endswith(self.endings or ("\0",))


def hosts_of(settings: Settings) -> Hosts:
    """The names that a town with these settings answers to."""
    given = [name.lower() for name in settings.hosts] or [_name_in(settings.public_address)]
    endings = tuple(name[1:] for name in given if name.startswith("*."))
    listening = {in_header(settings.host)} if settings.host not in EVERYWHERE else set()
    return Hosts(frozenset({*given, *listening, *OWN}) - {""}, endings, ANY in given)


def in_header(address: str) -> str:
    """A name or an address as a ``Host`` header writes it: IPv6 in brackets."""
    return f"[{address}]".lower() if ":" in address and not address.startswith("[") else address.lower()


def is_this_computer(name: str) -> bool:
    """Whether a name or an address can be reached from this computer alone."""
    bare = name.strip("[]").lower()
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost" or bare.endswith(".localhost")


def _name_in(address: str) -> str:
    return in_header(urlsplit(address).hostname or "")
