"""What settings may hold: each check answers what is wrong, to stand behind the setting's name; empty if nothing is."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from townhall.colours import NEEDED_CONTRAST
from townhall.colours import contrast_with_white
from townhall.colours import is_colour

#: No span of time is longer, in years: a calendar ends, forwards and backwards.
LONGEST = 200
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")


def anything(value: Any) -> str:
    """Nothing is wrong with any value."""
    return ""


def filled(value: str) -> str:
    """Something must be there."""
    return "" if value.strip() else "can't be empty"


def machine(value: str) -> str:
    """The name or address of a machine, or none: a port or a kind of address beside it belongs elsewhere."""
    if not set(value) & set(":/ ") or _is_address(value.strip("[]")):
        return ""
    return "must be a name or an address alone, like mail.milbrook.example; the port has a setting of its own"


def listening(value: str) -> str:
    """An address of this computer."""
    return filled(value) or machine(value)


def _is_address(value: str) -> bool:
    try:
        ip_address(value.partition("%")[0])
    except ValueError:
        return False
    return True


def timezone(value: str) -> str:
    """A time zone of the IANA database."""
    return "" if value in available_timezones() else "is no time zone; write one like America/New_York"


def currency(value: str) -> str:
    """A currency code (ISO 4217)."""
    return "" if len(value) == 3 and value.isalpha() and value.isupper() else "must be three capitals, like USD"


def country(value: str) -> str:
    """A country code (ISO 3166-1)."""
    return "" if len(value) == 2 and value.isalpha() and value.isupper() else "must be two capitals, like US"


def language(value: str) -> str:
    """A language tag (BCP 47)."""
    parts = value.split("-")
    good = 2 <= len(parts[0]) <= 3 and all(part.isalnum() for part in parts)
    return "" if good else "must be a language code, like en or en-US"


def colour(value: str) -> str:
    """A colour on which white text can be read (WCAG 2.1, 1.4.3)."""
    if not is_colour(value):
        return "must be a colour like #0f5669"
    contrast = contrast_with_white(value)
    if contrast >= NEEDED_CONTRAST:
        return ""
    return (
        f"is too light: white text on it reaches a contrast of {contrast:.1f} and {NEEDED_CONTRAST} is needed; "
        "choose a darker one"
    )


def database(value: str) -> str:
    """The address of a database."""
    if urlsplit(value).scheme in {"sqlite", "postgresql"}:
        return ""
    return "must start with sqlite:/// or postgresql://"


def port(value: int) -> str:
    """A port of this computer."""
    return "" if 0 < value < 65536 else "must be between 1 and 65535"


def positive(value: int) -> str:
    """At least 1."""
    return "" if value > 0 else "must be 1 or more"


def not_negative(value: int) -> str:
    """At least 0."""
    return "" if value >= 0 else "must be 0 or more"


def span(unit: str, most: int, *, never: bool = False) -> Callable[[int], str]:
    """A check of a span of time: at least 1, or 0 where that is ``never``, and at most ``most`` of its unit."""
    least = not_negative if never else positive

    def check(value: int) -> str:
        return least(value) or ("" if value <= most else f"must be {most:,} {unit} or less")

    return check


def years(*, never: bool = False) -> Callable[[int], str]:
    """A number of years, not a year."""
    return span("years", LONGEST, never=never)


def days(*, never: bool = False) -> Callable[[int], str]:
    """A number of days."""
    return span("days", LONGEST * 365, never=never)


def hours() -> Callable[[int], str]:
    """A number of hours."""
    return span("hours", LONGEST * 365 * 24)


def minutes() -> Callable[[int], str]:
    """A number of minutes."""
    return span("minutes", LONGEST * 365 * 24 * 60)


def security(value: str) -> str:
    """How mail is secured on its way."""
    return "" if value in {"starttls", "tls", "none"} else "must be starttls, tls or none"


def mailbox(value: str) -> str:
    """An e-mail address, or none."""
    name, _, domain = value.partition("@")
    good = not value or (name and domain and not set(value) & set(" \t\r\n<>,;"))
    return "" if good else "is no e-mail address; write one like townhall@milbrook.example"


def web_address(value: str) -> str:
    """The address of a site, or none."""
    parts = urlsplit(value)
    good = not value or (parts.scheme in {"http", "https"} and parts.netloc and not parts.query)
    return "" if good else "must be an address like https://townhall.milbrook.example"


def networks(value: tuple[str, ...]) -> str:
    """Addresses or networks, of IPv4 or IPv6."""
    for text in value:
        try:
            ip_network(text, strict=False)
        except ValueError:
            return 'must be a list of addresses or networks like ["127.0.0.1", "10.0.0.0/8"]'
    return ""


def host_names(value: tuple[str, ...]) -> str:
    """Names of hosts; ``*.`` before one stands for all below it."""
    good = all(name == "*" or _HOST.fullmatch(name.removeprefix("*.")) for name in value)
    return "" if good else 'must be a list of names without https:// and port, like ["townhall.milbrook.example"]'


def some(value: int) -> str:
    """At least 3."""
    return "" if value >= 3 else "must be 3 or more"


def role_names(value: tuple[str, ...]) -> str:
    """Names of roles, or one word for all or none."""
    if all(name.isidentifier() for name in value) and ("all" not in value or len(value) == 1):
        return ""
    return 'must be a list of roles like ["administrator"], or "all", or "none"'
