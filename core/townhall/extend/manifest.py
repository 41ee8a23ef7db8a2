"""``plugin.toml``: what Townhall knows of a plugin before it runs any of its code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion
from packaging.version import Version

from townhall.errors import PluginError
from townhall.extend.jobs import JobSpec
from townhall.schedules import FORMS
from townhall.schedules import Schedule
from townhall.schedules import read_at
from townhall.schedules import read_every
from townhall_forms.reading import read_toml
from townhall_forms.text import ended

#: Version of the plugin API that this Townhall offers; a manifest's ``api`` is a range of it.
API_VERSION = "1.0"
#: The manifest's file name, in the plugin's folder.
FILE_NAME = "plugin.toml"
#: Names that no plugin may have: core's own types are ``core.*``.
RESERVED = frozenset({"core", "townhall", "town"})

KEYS: Mapping[str, str] = {
    "name": "Name of the plugin, in identities, commands and table names: small letters, digits and _.",
    "title": "What people call it.",
    "description": "One sentence: what it is for.",
    "version": "Its own version, like 1.2.0.",
    "api": "Range of versions of Townhall's plugin API that it works with, like >=1,<2.",
    "requires": "Plugins that must be switched on as well, perhaps with a range of versions, like complaints>=1.2,<2.",
    "author": "Who makes it.",
    "license": "Its licence (SPDX).",
    "icon": "Symbol that stands for it, one of [the icons](#icons).",
    "settings": "Settings that the town may set under [plugins.NAME]: one [settings.KEY] each.",
    "permissions": "What its code asks for besides the permissions on its types: NAME = what it allows, for the roles.",
    "navigation": "Where its types stand in the clerk's menu.",
    "jobs": "What its code does again and again: one [jobs.NAME] each.",
}
REQUIRED = ("name", "title", "version", "api")
SETTING_KEYS = ("type", "label", "help", "default", "choices")
SETTING_TYPES: Mapping[str, type] = {"text": str, "integer": int, "boolean": bool, "choice": str}
NAVIGATION_KEYS = ("label", "order")
#: Keys of [jobs.NAME], and what each means.
JOB_KEYS: Mapping[str, str] = {
    "label": "What people call it, like Close quiet requests.",
    "help": "One sentence more, for the page of jobs.",
    "every": "How often: 15 minutes, 2 hours, hour.",
    "at": "Or when, on the town's own clock: 02:30 for each day, Monday 07:00 for each week.",
    "run": "Name of the function in the plugin's code. It takes the town and returns a sentence on what it did.",
}

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REQUIREMENT = re.compile(r"([a-z][a-z0-9_]*)\s*(.*)")


@dataclass(frozen=True, slots=True)
class PluginSetting:
    """One setting that a plugin declares."""

    name: str
    type: str
    label: str
    default: str | int | bool
    help: str = ""
    choices: tuple[str, ...] = ()

    def problem(self, value: object) -> str:
        """What is wrong with ``value``, as the end of a sentence; empty if nothing is."""
        wanted = SETTING_TYPES[self.type]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            return {"integer": "must be a whole number", "boolean": "must be true or false"}.get(
                self.type, "must be text in quotes"
            )
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        return ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that a plugin's manifest says.

    ``requires`` has the names of the plugins that it needs, ``ranges`` the versions of those that it is particular
    about.
    """

    name: str
    title: str
    version: str
    api: str
    description: str = ""
    requires: tuple[str, ...] = ()
    ranges: Mapping[str, str] = field(default_factory=dict)
    author: str = ""
    license: str = ""
    icon: str = "note"
    settings: Mapping[str, PluginSetting] = field(default_factory=dict)
    permissions: Mapping[str, str] = field(default_factory=dict)
    navigation_label: str = ""
    navigation_order: int = 100
    jobs: Mapping[str, JobSpec] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether this Townhall offers the plugin API that it needs."""
        return SpecifierSet(self.api).contains(API_VERSION)


def read_manifest(file: Path) -> Manifest:
    """Read a manifest. Raises :class:`~townhall.errors.PluginError`, with a line for each mistake."""
    try:
        data = read_toml(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise PluginError(f"{file}: there is no such file; every plugin needs a {FILE_NAME}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{file}: the file can't be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise PluginError(f"{file}: the file is not valid TOML: {error}.") from error
    reader = _Reader(file)
    manifest = reader.manifest(data)
    if reader.mistakes or manifest is None:
        raise PluginError("\n".join(reader.mistakes))
    return manifest


def is_name(text: str) -> bool:
    """Whether a plugin may be called so."""
    return _NAME.fullmatch(text) is not None and text not in RESERVED


def _is_range(text: str) -> bool:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


class _Reader:
    """Turns a manifest's data into a :class:`Manifest`, and collects every mistake on the way."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.mistakes: list[str] = []

    def mistake(self, key: str, sentence: str) -> None:
        self.mistakes.append(f"{self.file}: {key}: {sentence}")

    def manifest(self, data: Mapping[str, Any]) -> Manifest | None:
        self.known("", data, tuple(KEYS))
        for key in REQUIRED:
            if data.get(key, "") == "":
                self.mistake(key, f"this is missing. {KEYS[key]}")
        name = self.text("name", data)
        self.check_name(name)
        self.check_versions(self.text("version", data), self.text("api", data))
        navigation = self.table("navigation", data)
        self.known("navigation", navigation, NAVIGATION_KEYS)
        order = navigation.get("order", 100)
        if not isinstance(order, int) or isinstance(order, bool):
            self.mistake("navigation.order", f"{order!r} must be a whole number.")
        values: dict[str, Any] = {
            key: self.text(key, data) for key in ("title", "version", "api", "description", "author", "license")
        }
        manifest = Manifest(
            name=name,
            **values,
            icon=self.text("icon", data) or "note",
            **self.requires(name, data),
            settings=self.settings(data),
            permissions=self.permissions(data),
            navigation_label=self.text("label", navigation, "navigation."),
            navigation_order=order,
            jobs=self.jobs(data),
        )
        return None if self.mistakes else manifest

    def known(self, place: str, data: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        for key in data:
            if key not in keys:
                close = get_close_matches(key, keys, n=1)
                hint = f" Did you mean {close[0]}?" if close else f" Known are {', '.join(keys)}."
                self.mistake(f"{place}.{key}" if place else key, f"there is no such key.{hint}")

    def text(self, key: str, data: Mapping[str, Any], place: str = "") -> str:
        value = data.get(key, "")
        if not isinstance(value, str):
            self.mistake(place + key, f"{value!r} must be text in quotes.")
            return ""
        return value.strip()

    def table(self, key: str, data: Mapping[str, Any], place: str = "") -> Mapping[str, Any]:
        value = data.get(key, {})
        if not isinstance(value, dict):
            self.mistake(place + key, f"this must be a section, written [{place}{key}].")
            return {}
        return value

    def check_name(self, name: str) -> None:
        if name and not _NAME.fullmatch(name):
            self.mistake("name", f"{name!r} must be small letters, digits and _, starting with a letter.")
        if name in RESERVED:
            self.mistake("name", f"{name!r} is taken by Townhall itself; choose another.")

    def check_versions(self, version: str, api: str) -> None:
        try:
            Version(version or "0")
        except InvalidVersion:
            self.mistake("version", f"{version!r} is no version; write one like 1.2.0.")
        if not _is_range(api):
            self.mistake("api", f"{api!r} is no range of versions; write one like >=1,<2.")

    def requires(self, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
        value = data.get("requires", [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.mistake("requires", 'this must be a list of plugins\' names, like ["complaints"].')
            return {}
        ranges: dict[str, str] = {}
        for item in value:
            found = _REQUIREMENT.fullmatch(item.strip())
            if found is None or not _is_range(found.group(2)):
                self.mistake("requires", f"{item!r} is no plugin with a range of versions; write complaints>=1.2,<2.")
            elif found.group(1) in RESERVED:
                self.mistake("requires", f"{found.group(1)} is no plugin; say in api which Townhall it works with.")
            elif found.group(1) in ranges:
                self.mistake("requires", f"{found.group(1)} is named twice; write one range, like complaints>=1.2,<2.")
            else:
                ranges[found.group(1)] = found.group(2)
        if name in ranges:
            self.mistake("requires", "a plugin can't require itself.")
        return {"requires": tuple(ranges), "ranges": {needed: text for needed, text in ranges.items() if text}}

    def settings(self, data: Mapping[str, Any]) -> dict[str, PluginSetting]:
        section = self.table("settings", data)
        settings = {}
        for name in section:
            place = f"settings.{name}"
            content = self.table(name, section, "settings.")
            self.known(place, content, SETTING_KEYS)
            kind = self.text("type", content, f"{place}.") or "text"
            if kind not in SETTING_TYPES:
                self.mistake(f"{place}.type", f"{kind!r} must be one of {', '.join(SETTING_TYPES)}.")
                continue
            choices = content.get("choices", [])
            if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
                self.mistake(f"{place}.choices", "this must be a list of texts.")
                choices = []
            if kind == "choice" and not choices:
                self.mistake(f"{place}.choices", "a choice needs choices.")
                continue
            fallback: str | int | bool = choices[0] if kind == "choice" else SETTING_TYPES[kind]()
            setting = PluginSetting(
                name=name,
                type=kind,
                label=self.text("label", content, f"{place}.") or name.replace("_", " ").capitalize(),
                default=content.get("default", fallback),
                help=self.text("help", content, f"{place}."),
                choices=tuple(choices),
            )
            if problem := setting.problem(setting.default):
                self.mistake(f"{place}.default", f"{setting.default!r} {problem}.")
            settings[name] = setting
        return settings

    def permissions(self, data: Mapping[str, Any]) -> dict[str, str]:
        section = self.table("permissions", data)
        found = {}
        for name in section:
            if not _NAME.fullmatch(name):
                self.mistake(
                    f"permissions.{name}", f"{name!r} must be small letters, digits and _, beginning with one."
                )
            label = self.text(name, section, "permissions.")
            if not label:
                self.mistake(f"permissions.{name}", "say in a few words what it allows.")
            found[name] = label
        return found

    def jobs(self, data: Mapping[str, Any]) -> dict[str, JobSpec]:
        section = self.table("jobs", data)
        jobs = {}
        for name in section:
            place = f"jobs.{name}"
            content = self.table(name, section, "jobs.")
            self.known(place, content, tuple(JOB_KEYS))
            if not _NAME.fullmatch(name):
                self.mistake(place, f"{name!r} must be small letters, digits and _, starting with a letter.")
            run = self.text("run", content, f"{place}.")
            if not run.isidentifier() or run.startswith("_"):
                self.mistake(f"{place}.run", f"{run!r} must be the name of a function of the plugin's code.")
            schedule = self.schedule(place, content)
            if schedule is not None:
                label = self.text("label", content, f"{place}.") or name.replace("_", " ").capitalize()
                jobs[name] = JobSpec(name, label, schedule, run, self.text("help", content, f"{place}."))
        return jobs

    def schedule(self, place: str, content: Mapping[str, Any]) -> Schedule | None:
        if ("every" in content) == ("at" in content):
            self.mistake(place, f"say how often, in one way: {FORMS}.")
            return None
        key, read = ("every", read_every) if "every" in content else ("at", read_at)
        try:
            return read(content[key])
        except ValueError as error:
            self.mistake(f"{place}.{key}", ended(str(error)))
            return None
