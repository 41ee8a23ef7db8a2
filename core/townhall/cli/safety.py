"""What ``townhall doctor`` says of settings that are not safe: each with what to write instead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from urllib.parse import urlsplit

from townhall import private
from townhall import secret_key
from townhall.accounts import people
from townhall.accounts.signing_in import SIGN_IN_HINT
from townhall.config import FILE_NAME
from townhall.config import Settings
from townhall.db import meta
from townhall.extend.values import Finding
from townhall.hosts import ANY
from townhall.hosts import OWN
from townhall.hosts import hosts_of
from townhall.hosts import is_this_computer

if TYPE_CHECKING:
    from townhall.town import Town

#: Beyond these a session, or a row of guesses, is longer than anybody at a counter needs.
LONGEST_IDLE_MINUTES, LONGEST_HOURS, MOST_ATTEMPTS = 24 * 60, 7 * 24, 20
#: Beyond these a link in a mailbox or on paper opens something long after anybody remembers it.
LONGEST_INVITATION_DAYS, LONGEST_LINK_MINUTES, LONGEST_CODE_DAYS = 30, 24 * 60, 90
#: Beyond these one visitor can send more than a town can look at, or more at once than a server should hold.
MOST_SUBMISSIONS, MOST_MEGABYTES = 1_000, 2_000
#: More proxies than these stand in front of no town.
MOST_PROXIES = 5
#: What PostgreSQL calls connections that are encrypted for certain.
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
#: Networks wider than these are not those of a town's own proxies.
_WIDEST = {4: 8, 6: 16}


def examine(town: Town, *, host: str = "", environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Look at everything that somebody could have set unsafely; ``host`` is listened on instead of the setting."""
    settings = replace(town.settings, host=host) if host else town.settings
    yield from (
        _settled("names", _names(town.settings, settings.host), "the server answers to its own names alone."),
        _settled("https", _https(settings), "nothing that is typed can be read on its way."),
        _settled("proxies", _proxies(settings), "only the town's own proxies are believed."),
        _settled("second factor", _second_factor(town), "each role that is to have one is there."),
        _settled("sessions", _sessions(settings), "sessions end, and guessing has an end."),
        _settled("links", _links(settings), "those that open something by themselves run out."),
        _settled("visitors", _visitors(settings), "nobody can send without end."),
        _settled("mail encryption", _mail(settings), "mail leaves the house encrypted, or not at all."),
        _settled("database encryption", _database(settings), "records reach their database unread."),
        _settled("debugging", _debugging(os.environ if environ is None else environ), "is off."),
        _settled("demo", _demo(town, settings), "nobody outside gets at a town whose password is known."),
        _settled("key strength", _key(town), "the secret key is a good one."),
        _settled("files", _files(town), f"nobody else can read what is in {town.instance}."),
    )


def _settled(subject: str, problem: str, good: str) -> Finding:
    return Finding(subject, not problem, problem or good)


def is_public(settings: Settings) -> bool:
    """Whether others than this computer get at the town, as far as its settings tell."""
    return not is_this_computer(settings.host) or (bool(settings.public_address) and not _is_local(settings))


def _is_local(settings: Settings) -> bool:
    return is_this_computer(urlsplit(settings.public_address).hostname or "")


def _names(settings: Settings, host: str) -> str:
    if ANY in settings.hosts:
        return 'hosts in [server] is "*", so anybody’s name leads here; write the town’s own names instead.'
    wide = [f'"*{ending}"' for ending in hosts_of(settings).endings if "." not in ending[1:]]
    if wide:
        return (
            f"hosts in [server] has {', '.join(wide)}, below which others have names that would lead here; write the "
            'town’s own names instead, like "*.milbrook.example".'
        )
    if not is_this_computer(host) and not hosts_of(settings).names - OWN:
        return "others can reach the server, but it answers to no name of theirs; write hosts into [server]."
    return ""


def _https(settings: Settings) -> str:
    encrypted = urlsplit(settings.public_address).scheme == "https"
    if is_public(settings) and not encrypted:
        return (
            "passwords and letters cross the network for everybody to read; put a proxy with a certificate in front, "
            "and write its address (https://…) as public_address into [server]."
        )
    if encrypted and not settings.hsts_days:
        return "browsers may still come without HTTPS; once all works with it, write hsts_days = 365 into [security]."
    return ""


def _proxies(settings: Settings) -> str:
    if urlsplit(settings.public_address).scheme == "https" and not settings.trusted_proxies:
        return (
            "public_address is https, which a proxy has to speak; without trusted_proxies = 1 in [server] cookies "
            "lack their guard and all visitors count as one."
        )
    if settings.trusted_proxies > MOST_PROXIES:
        return (
            f"trusted_proxies in [server] is {settings.trusted_proxies:,}; where fewer stand in front none is "
            "believed, cookies lack their guard and all visitors count as one. Write how many there are, mostly 1."
        )
    wide = [text for text in settings.proxy_addresses if _is_wide(text)]
    if wide:
        return f"proxy_addresses in [server] believes all of {', '.join(wide)}; write the proxies' own addresses."
    if settings.trusted_proxies and not settings.proxy_addresses and not is_this_computer(settings.host):
        return (
            "whoever connects past the proxy can say to be anybody; write the proxy's address as proxy_addresses into "
            '[server], or host = "127.0.0.1" if it runs here.'
        )
    return ""


def _is_wide(text: str) -> bool:
    network = ip_network(text, strict=False)
    return network.prefixlen < _WIDEST[network.version]


def _second_factor(town: Town) -> str:
    known = [role.name for role in people.roles(town)] + ["all"]
    unknown = [name for name in town.settings.second_factor if name not in known]
    if not unknown:
        return ""
    close = get_close_matches(unknown[0], known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known[:-1])}."
    return f"second_factor in [security] names {', '.join(unknown)}, which is no role, so nobody is asked by it; {hint}"


def _sessions(settings: Settings) -> str:
    for who in ("session", "citizen"):
        idle, hours = f"{who}_idle_minutes", f"{who}_hours" if who == "session" else f"{who}_session_hours"
        if getattr(settings, idle) > LONGEST_IDLE_MINUTES or getattr(settings, hours) > LONGEST_HOURS:
            return (
                f"a computer left alone stays signed in too long; write at most {idle} = {LONGEST_IDLE_MINUTES} and "
                f"{hours} = {LONGEST_HOURS} into [security]."
            )
    if settings.sign_in_attempts > MOST_ATTEMPTS:
        return f"passwords can be guessed; write at most sign_in_attempts = {MOST_ATTEMPTS} into [security]."
    return ""


def _links(settings: Settings) -> str:
    most = {
        "invitation_days": LONGEST_INVITATION_DAYS,
        "citizen_link_minutes": LONGEST_LINK_MINUTES,
        "citizen_code_days": LONGEST_CODE_DAYS,
    }
    long = [f"{name} = {number}" for name, number in most.items() if getattr(settings, name) > number]
    if long:
        return f"whoever finds an old mail or letter gets in with it; write at most {', '.join(long)} into [security]."
    return ""


def _visitors(settings: Settings) -> str:
    if settings.public_submissions_per_hour > MOST_SUBMISSIONS:
        return (
            f"one visitor can fill the town’s lists; write at most public_submissions_per_hour = {MOST_SUBMISSIONS} "
            "into [limits]."
        )
    if settings.max_upload_mb * settings.max_files > MOST_MEGABYTES:
        return (
            f"one form may bring {settings.max_upload_mb * settings.max_files:,} MB; write a smaller max_upload_mb or "
            f"max_files into [limits], {MOST_MEGABYTES:,} MB together at most."
        )
    return ""


def _mail(settings: Settings) -> str:
    if settings.mail_host and settings.mail_security == "none" and not is_this_computer(settings.mail_host):
        return 'messages and the password go to the mail server for all to read; write security = "starttls" in [mail].'
    return ""


def _database(settings: Settings) -> str:
    parts = urlsplit(settings.database)
    host = parts.hostname or ""
    if parts.scheme == "sqlite" or not host or is_this_computer(host):
        return ""
    if not _ENCRYPTED & set(parse_qs(parts.query).get("sslmode", [])):
        return "records may go to the database for all to read; add ?sslmode=require to database in [server]."
    return ""


def _debugging(environ: Mapping[str, str]) -> str:
    on = [name for name in ("FLASK_DEBUG", "PYTHONINSPECT") if environ.get(name, "0") not in {"", "0", "false"}]
    return f"{' and '.join(on)} is set where the town runs; Townhall ignores it, take it away." if on else ""


def _demo(town: Town, settings: Settings) -> str:
    if meta.get(town.system, SIGN_IN_HINT) and is_public(settings):
        return "others can reach this demo town, whose password everybody knows; make a town with townhall init."
    return ""


def _key(town: Town) -> str:
    if secret_key.is_weak(town.secret):
        return "the secret key looks made up, so sessions can be forged; run townhall secrets rotate."
    return ""


def _files(town: Town) -> str:
    """Files that others on this computer can read. A folder that keeps them out guards all that is in it."""
    instance, settings = town.instance, town.settings
    keys = (settings.mail_password_file, settings.encryption_key_file)
    named = [instance / name for name in (*keys, _database_file(town)) if name]
    backups = instance / settings.backup_folder
    outside = [path for path in (*named, backups) if not path.resolve().is_relative_to(instance.resolve())]
    open_outside = sorted(
        str(path) for path in outside if path.is_file() and all(map(private.is_open_to_others, (path, path.parent)))
    )
    if open_outside:
        return f"others on this computer can read {', '.join(open_outside)}; run: chmod o-rwx {' '.join(open_outside)}"
    if backups in outside and (problem := _backups(backups)):
        return problem
    if private.is_writable_by_others(instance):
        return f"others on this computer can put a key and settings of theirs in place; run: chmod -R o-rwx {instance}"
    if not private.is_open_to_others(instance):
        return ""
    candidates = (instance / FILE_NAME, *instance.glob("*.db*"), *instance.glob("*key*"), *named)
    inside = [path for path in candidates if path not in outside and path.is_file()]
    folders = (*(instance / name for name in ("files", "packs", "snapshots", "backups")), backups)
    inside += [path for path in folders if path not in outside and path.is_dir()]
    found = sorted({path.name for path in inside if private.is_open_to_others(path)})
    if not found:
        return ""
    return f"others on this computer can read {', '.join(found)}; run: chmod -R o-rwx {instance}"


def _backups(folder: Path) -> str:
    """What others on this computer can do with backups in a folder that the instance's own doesn't guard."""
    try:
        if not all(map(private.is_open_to_others, (folder, folder.parent))):
            return ""
        if private.is_writable_by_others(folder):
            found = "take backups away, and put some of theirs in place"
        elif any(map(private.is_open_to_others, folder.glob("*.zip"))):
            found = "read backups"
        else:
            return ""
    except OSError:  # it is not connected, or another account's: the next backup says so
        return ""
    return f"others on this computer can {found} in {folder}; run: chmod o-rwx {folder}"


def _database_file(town: Town) -> str:
    return str(town.database.database) if town.database.engine == "sqlite" else ""
