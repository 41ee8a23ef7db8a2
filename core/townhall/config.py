"""The town's settings: ``townhall.toml`` of the instance, then ``TOWNHALL_*`` environment variables.

Each setting is declared once, as a field of :class:`Settings`, with its section, its check and its meaning; the example
file, the error messages and the reference page are made from that.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from townhall import setting_checks as checks
from townhall.errors import ConfigurationError

#: The settings file, inside the instance's folder.
FILE_NAME = "townhall.toml"
#: Environment variables that start with ``TOWNHALL_`` and are no settings.
OTHER_VARIABLES = frozenset({"TOWNHALL_INSTANCE", "TOWNHALL_ADMIN_PASSWORD"})

Check = Callable[[Any], str]
_BACKSLASH = (
    "In quotes like these, a backslash begins a special character: write '…' around the text, or / in its place"
)
_WHOLE = re.compile(r"-?[0-9]{1,18}")
#: What an environment variable may say for a setting that is true or false.
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _setting(
    section: str, default: Any, meaning: str, check: Check = checks.anything, key: str = "", *, secret: bool = False
) -> Any:
    """One setting; ``key`` is what it is called in its section, if not by its own name. A ``secret`` is never shown."""
    metadata = {"section": section, "meaning": meaning, "check": check, "key": key, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """Everything that a town sets about itself. Immutable; changes are read at the next start."""

    name: str = _setting("town", "Our Town", "The town's name, as it stands on every page.", checks.filled)
    subtitle: str = _setting("town", "Town Hall", "The second line under the name.")
    timezone: str = _setting("town", "America/New_York", "Time zone of the town hall's own clock.", checks.timezone)
    currency: str = _setting("town", "USD", "Currency of amounts of money (ISO 4217).", checks.currency)
    language: str = _setting("town", "en", "Language of the pages.", checks.language)
    country: str = _setting("town", "US", "Country of telephone numbers and addresses (ISO 3166).", checks.country)
    region: str = _setting("town", "", "State, province or region, for suggesting its public holidays, like OH.")
    colour: str = _setting(
        "town", "#0f5669", "The town's one colour; white text must be readable on it.", checks.colour
    )
    address: str = _setting("town", "", "Street address of the town hall, for the foot of the public pages.")
    phone: str = _setting("town", "", "Telephone number of the front desk.")
    email: str = _setting("town", "", "E-mail address of the front desk.", checks.mailbox)
    hours: str = _setting("town", "", "Opening hours, like: Monday to Friday, 8:30 to 16:30.")
    website_notice: str = _setting("town", "", "A notice on top of every public page; empty for none.")

    database: str = _setting(
        "server",
        "sqlite:///townhall.db",
        "Where records are kept; a relative file is inside the instance.",
        checks.database,
        secret=True,
    )
    host: str = _setting(
        "server", "127.0.0.1", "Address that the server listens on; 0.0.0.0 for all.", checks.listening
    )
    port: int = _setting("server", 8000, "Port that the server listens on.", checks.port)
    trusted_proxies: int = _setting(
        "server", 0, "Number of proxies in front whose X-Forwarded headers are believed.", checks.not_negative
    )

    proxy_addresses: tuple[str, ...] = _setting(
        "server",
        (),
        'Addresses or networks that those proxies connect from, like ["127.0.0.1"]; empty believes whoever connects.',
        checks.networks,
    )
    hosts: tuple[str, ...] = _setting(
        "server",
        (),
        "Names that the server answers to; empty is that of public_address. This computer's own always work.",
        checks.host_names,
    )

    snapshots: int = _setting(
        "server", 5, "Snapshots from before upgrades that are kept; the oldest go first.", checks.positive
    )

    public_address: str = _setting(
        "server",
        "",
        "Address of the public site, for the links in messages; empty tells a code instead.",
        checks.web_address,
    )

    mail_host: str = _setting(
        "mail", "", "The mail server that messages go to; empty sends none.", checks.machine, key="host"
    )
    mail_port: int = _setting("mail", 587, "Its port: mostly 587 with starttls, 465 with tls.", checks.port, key="port")
    mail_security: str = _setting("mail", "starttls", "starttls, tls, or none.", checks.security, key="security")
    mail_username: str = _setting("mail", "", "Who signs in there; empty signs in nobody.", key="username")
    mail_password: str = _setting(
        "mail", "", "The password; better kept in password_file or the variable.", key="password", secret=True
    )
    mail_password_file: str = _setting(
        "mail", "", "A file with the password; a relative one is inside the instance.", key="password_file"
    )
    mail_certificates: str = _setting(
        "mail",
        "",
        "A file with the certificate of the server's own authority, if it is not a common one.",
        key="certificates",
    )
    mail_from: str = _setting(
        "mail",
        "",
        "The town's address that messages come from; empty takes that of the front desk.",
        checks.mailbox,
        key="from",
    )
    mail_from_name: str = _setting("mail", "", "The name beside it; empty takes the town's name.", key="from_name")
    mail_timeout: int = _setting(
        "mail", 30, "Seconds to wait for an answer of the mail server.", checks.span("seconds", 3600), key="timeout"
    )
    mail_automatic_limit: int = _setting(
        "mail",
        100,
        "Automatic messages in ten minutes after which they are held back.",
        checks.positive,
        key="automatic_limit",
    )
    mail_keep_days: int = _setting(
        "mail",
        365,
        "Days after which words and addresses of messages that went out are deleted from the outbox; those on the "
        "timeline stay. 0 keeps them for ever.",
        checks.days(never=True),
        key="keep_days",
    )

    max_upload_mb: int = _setting("limits", 10, "Largest file that may be uploaded, in megabytes.", checks.positive)
    max_files: int = _setting("limits", 10, "Most files that one form may bring.", checks.positive)
    max_storage_gb: int = _setting(
        "limits",
        0,
        "Gigabytes that all uploaded files may take together; 0 leaves only what is free.",
        checks.not_negative,
    )
    public_submissions_per_hour: int = _setting(
        "limits", 20, "Public forms that one address may send in an hour.", checks.positive
    )
    draft_days: int = _setting("limits", 30, "Days that a saved public form is kept for its sender.", checks.days())

    jobs_run: bool = _setting(
        "jobs",
        True,
        "Whether what serves the town also does its jobs; false if townhall jobs work does them.",
        key="run",
    )
    keep_values_years: int = _setting(
        "history",
        0,
        "Years, at most 200, after which the values in history are erased; who did what when stays. 0 keeps them for "
        "ever.",
        checks.years(never=True),
    )
    encrypt_confidential: bool = _setting(
        "security", False, "Whether all confidential fields are kept encrypted, and not only those that say so."
    )
    encryption_key_file: str = _setting(
        "security",
        "encryption_key",
        "The file with the key for what is encrypted; a relative one is inside the instance.",
        checks.filled,
    )
    second_factor: tuple[str, ...] = _setting(
        "security",
        (),
        'Roles that need a code from a phone besides the password, like ["administrator"]; "all" or "none".',
        checks.role_names,
    )
    sign_in_attempts: int = _setting(
        "security", 5, "Wrong passwords or codes in a row after which an account has to wait.", checks.some
    )
    session_idle_minutes: int = _setting(
        "security", 720, "Minutes without a click after which somebody is signed out.", checks.minutes()
    )
    session_hours: int = _setting(
        "security", 72, "Hours after which somebody has to sign in again in any case.", checks.hours()
    )
    hsts_days: int = _setting(
        "security",
        0,
        "Days that browsers which came by HTTPS insist on it (HSTS); 0 leaves it to them.",
        checks.days(never=True),
    )
    invitation_days: int = _setting("security", 7, "Days that an invitation to a new colleague works.", checks.days())
    citizen_link_minutes: int = _setting(
        "security",
        30,
        "Minutes that a link to “Your requests” works which somebody asked for by mail.",
        checks.minutes(),
    )
    citizen_code_days: int = _setting(
        "security", 14, "Days that a link to “Your requests” works which a clerk hands over or prints.", checks.days()
    )
    citizen_idle_minutes: int = _setting(
        "security",
        60,
        "Minutes without a click after which a resident is signed out of “Your requests”.",
        checks.minutes(),
    )
    citizen_session_hours: int = _setting(
        "security", 8, "Hours after which a resident has to sign in again in any case.", checks.hours()
    )
    account_log_days: int = _setting(
        "security", 730, "Days that the log of sign-ins and changes to accounts is kept.", checks.days()
    )

    backup_keep: int = _setting(
        "backup",
        7,
        "Backups that the daily job keeps; it makes one each night. 0 makes none by itself.",
        checks.not_negative,
        key="keep",
    )
    backup_folder: str = _setting(
        "backup",
        "backups",
        "The folder that backups go to, best on another disk; a relative one is inside the instance.",
        checks.filled,
        key="folder",
    )

    #: Values of the plugins' own settings, from ``[plugins.NAME]``; each plugin's manifest says what they mean.
    plugins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, metadata={"section": "plugins"})

    @property
    def zone(self) -> ZoneInfo:
        """The town's time zone."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one setting: for the settings page, the example file and the reference."""

    name: str
    section: str
    kind: type[str] | type[int] | type[bool] | type[tuple[str, ...]]
    default: str | int | bool | tuple[str, ...]
    meaning: str
    check: Check
    #: What it is called in its section.
    key: str
    #: Whether it may hold a password, and is never shown.
    secret: bool = False

    @property
    def variable(self) -> str:
        """Name of the environment variable that overrides it."""
        return f"TOWNHALL_{self.name.upper()}"

    def problem(self, value: object) -> str:
        """What is wrong with ``value``, as the end of a sentence; empty if nothing is."""
        if self.kind is bool and not isinstance(value, bool):
            return "must be true or false"
        if self.kind is int and (not isinstance(value, int) or isinstance(value, bool)):
            return "must be a whole number"
        if self.kind is str and not isinstance(value, str):
            return "must be text in quotes"
        if self.kind is tuple and not (
            isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))
        ):
            return "must be a list of texts in quotes"
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and self._strange(text) for text in texts):
            return f"holds a character that nobody can see. {_BACKSLASH}"
        return self.check(self.taken(value))

    def _strange(self, text: str) -> bool:
        """Whether a text holds characters of control; what stands on pages may have several lines."""
        lines = "\n" if self.section == "town" else ""
        return any(ord(letter) < 32 or ord(letter) == 127 for letter in text if letter not in lines)

    def taken(self, value: Any) -> Any:
        """What is kept of a value that stands in the file: of names, given as a list or as one text, a tuple."""
        if self.kind is not tuple:
            return value
        names = value.split(",") if isinstance(value, str) else value
        return tuple(name.strip() for name in names if name.strip() not in {"", "none"})


SETTINGS: Mapping[str, Setting] = {
    item.name: Setting(
        name=item.name,
        section=item.metadata["section"],
        kind=type(getattr(Settings, item.name)),
        default=getattr(Settings, item.name),
        meaning=item.metadata["meaning"],
        check=item.metadata["check"],
        key=item.metadata["key"] or item.name,
        secret=item.metadata["secret"],
    )
    for item in fields(Settings)
    if item.name != "plugins"
}
SECTIONS = ("town", "server", "mail", "limits", "security", "jobs", "history", "backup")
_BY_KEY: Mapping[tuple[str, str], Setting] = {(setting.section, setting.key): setting for setting in SETTINGS.values()}


def load_settings(instance: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of the town in ``instance``. Without a file, all have their defaults.

    Raises :class:`~townhall.errors.ConfigurationError`, with a line for each mistake.
    """
    file = instance / FILE_NAME
    problems: list[str] = []
    values = _from_file(file, problems) if file.exists() else {}
    values |= _from_environment(os.environ if environ is None else environ, problems)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return Settings(**values)


def example(values: Mapping[str, str | int | bool] | None = None) -> str:
    """A settings file that explains every setting; those in ``values`` are set, the others stand as comments."""
    given = values or {}
    lines = ["# Settings of this town. A line that starts with # is a comment and shows the default.", ""]
    for section in SECTIONS:
        lines.append(f"[{section}]")
        for setting in SETTINGS.values():
            if setting.section == section:
                mark = "" if setting.name in given else "# "
                lines.append(f"# {setting.meaning}")
                lines.append(
                    f"{mark}{setting.key} = {json.dumps(given.get(setting.name, setting.default), ensure_ascii=False)}"
                )
        lines.append("")
    lines += ["# A plugin's own settings stand under its name:", "# [plugins.complaints]", ""]
    return "\n".join(lines)


def _from_file(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        data = tomllib.loads(text)
    except UnicodeDecodeError:
        problems.append(f"{file}: the file is not UTF-8 text; save it as UTF-8.")
        return {}
    except OSError as error:
        problems.append(f"{file}: the file can't be read: {error.strerror or error}.")
        return {}
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{file}: the file is not valid TOML: {error}.{_likely(text, str(error))}")
        return {}
    values: dict[str, Any] = {}
    for section, content in data.items():
        if section == "plugins":
            values["plugins"] = _plugin_settings(file, content, problems)
        elif section not in SECTIONS:
            problems.append(f"{file}: {section}: {_outside(section, content)}")
        elif not isinstance(content, dict):
            problems.append(f"{file}: {section}: this must be a section, written [{section}].")
        else:
            values |= _section(file, section, content, problems)
    return values


def _section(file: Path, section: str, content: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in content.items():
        setting = _BY_KEY.get((section, name))
        if setting is None and (elsewhere := [known for known in SETTINGS.values() if known.key == name]):
            problems.append(f"{file}: {section}.{name}: this setting belongs in [{elsewhere[0].section}].")
        elif setting is None:
            known = [key for place, key in _BY_KEY if place == section] + [key for _, key in _BY_KEY]
            problems.append(f"{file}: {section}.{name}: {_unknown('setting', name, known)}")
        elif problem := setting.problem(value):
            shown = "the value" if setting.secret else repr(value)
            problems.append(f"{file}: {section}.{name}: {shown} {problem}.")
        else:
            values[setting.name] = setting.taken(value)
    return values


def _plugin_settings(file: Path, content: Any, problems: list[str]) -> dict[str, dict[str, Any]]:
    if not isinstance(content, dict):
        problems.append(f"{file}: plugins: this must be sections, written [plugins.NAME].")
        return {}
    for name, values in content.items():
        if not isinstance(values, dict):
            problems.append(f"{file}: plugins.{name}: this must be a section, written [plugins.{name}].")
    return {name: values for name, values in content.items() if isinstance(values, dict)}


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    known = {setting.variable: setting for setting in SETTINGS.values()}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith("TOWNHALL_") or variable in OTHER_VARIABLES:
            continue
        setting = known.get(variable)
        if setting is None:
            # Other programs may have TOWNHALL_ variables of their own; only one that looks misspelt is a mistake.
            if close := get_close_matches(variable, known, n=1, cutoff=0.9):
                problems.append(f"Environment: {variable}: there is no such setting. Did you mean {close[0]}?")
            continue
        value: str | int | bool = text
        if setting.kind is bool and text.strip().lower() in _TRUTHS:
            value = _TRUTHS[text.strip().lower()]
        if setting.kind is int and _WHOLE.fullmatch(text.strip()):
            value = int(text)
        if problem := setting.problem(value):
            shown = "the value" if setting.secret else repr(text)
            problems.append(f"Environment: {variable}: {shown} {problem}.")
        else:
            values[setting.name] = setting.taken(value)
    return values


def _outside(name: str, content: object) -> str:
    """What is wrong with a name that is no section: a setting above all sections, or a plugin's own."""
    if not isinstance(content, dict):
        places = [f"[{setting.section}]" for setting in SETTINGS.values() if setting.key == name]
        if places:
            return f"this setting stands in no section; it belongs below {' or '.join(places)}."
        return f"{_unknown('setting', name, [key for _, key in _BY_KEY])} Settings stand below a section."
    if get_close_matches(name, (*SECTIONS, "plugins"), n=1):
        return _unknown("section", name, (*SECTIONS, "plugins"))
    return f"there is no such section. There are {', '.join(SECTIONS)}; a plugin's settings stand in [plugins.{name}]."


def _likely(text: str, error: str) -> str:
    """What most probably is wrong in the line of which TOML's reader speaks; the line itself may hold a password."""
    found = re.search(r"at line (\d+)", error)
    line = text.splitlines()[int(found[1]) - 1 :][:1] if found else []
    if line and re.search(r'"[^"]*\\', line[0]):
        return f" {_BACKSLASH}."
    if line and error.startswith("Invalid value"):
        return ' Texts stand in quotes, like name = "Millbrook".'
    return ""


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"there is no such {what}." + (f" Did you mean {close[0]}?" if close else "")
