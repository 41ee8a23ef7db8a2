"""What goes together: Townhall and all wanted plugins, judged by their manifests before any code runs.

Each answer is a sentence that says what blocks what, for the plugins page and the command line.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from townhall.extend.discovery import Found
from townhall.extend.manifest import API_VERSION
from townhall.extend.manifest import Manifest

#: What comes before and after a version for each comparison, in words.
_WORDS: Mapping[str, tuple[str, str]] = {
    ">=": ("", " or newer"),
    ">": ("newer than ", ""),
    "<": ("older than ", ""),
    "<=": ("", " or older"),
    "==": ("exactly ", ""),
    "!=": ("not ", ""),
    "~=": ("", " or a later one of its series"),
}


def check(found: Mapping[str, Found], wanted: Iterable[str]) -> dict[str, str]:
    """Why plugins among ``wanted`` can't run together with Townhall and the others: a sentence for each such plugin."""
    names = frozenset(wanted)
    problems = {name: problem for name in sorted(names) if (problem := next(_problems(found, names, name), ""))}
    # Whoever needs one that can't run can't run either, and so on until nobody is left to tell.
    while blocked := {
        name: f"{_called(found, name)} needs {found[needed].title}, which can't run. {problems[needed]}"
        for name in sorted(names - problems.keys())
        for needed in _requires(found, name)
        if needed in problems
    }:
        problems |= blocked
    return dict(sorted(problems.items()))


def _requires(found: Mapping[str, Found], name: str) -> tuple[str, ...]:
    plugin = found.get(name)
    return plugin.manifest.requires if plugin is not None and plugin.manifest is not None else ()


def _called(found: Mapping[str, Found], name: str) -> str:
    return f"{found[name].title} {found[name].version}"


def listed(titles: Sequence[str]) -> str:
    """Titles in a sentence: “Lake”, “Lake and Park”, “Lake, Park and Ring”."""
    return " and ".join(filter(None, (", ".join(titles[:-1]), *titles[-1:])))


def in_words(range_: str) -> str:
    """A range of versions as people say it: ``>=1.2,<2`` is “1.2 or newer, older than 2”."""
    parts = []
    for part in sorted(SpecifierSet(range_), key=lambda one: (one.operator.startswith("<"), one.version)):
        before, after = _WORDS.get(part.operator, (f"{part.operator}", ""))
        parts.append(f"{before}{part.version}{after}")
    return ", ".join(parts)


def _problems(found: Mapping[str, Found], wanted: frozenset[str], name: str) -> Iterator[str]:
    plugin = found.get(name)
    if plugin is None:
        yield f"{name}: there is no such plugin; its files are gone. Its records are kept."
        return
    if plugin.manifest is None:
        yield plugin.problem
        return
    manifest = plugin.manifest
    if not manifest.fits:
        yield (
            f"{manifest.title} {manifest.version} is made for plugin API {in_words(manifest.api)}, and this Townhall "
            f"has {API_VERSION}. Install a version of it that fits."
        )
    if loop := _loop(found, name):
        titles = listed([found[each].title for each in loop])
        none = "neither" if len(loop) == 2 else "none of them"
        yield f"{titles} need each other, so {none} can be the first to start. Ask whoever makes them."
    for needed in manifest.requires:
        yield from _requirement(found, wanted, manifest, needed)


def _requirement(found: Mapping[str, Found], wanted: frozenset[str], manifest: Manifest, needed: str) -> Iterator[str]:
    other = found.get(needed)
    range_ = manifest.ranges.get(needed, "")
    called = f"{manifest.title} {manifest.version}"
    if other is None:
        words = f" {in_words(range_)}" if range_ else ""
        yield f"{called} needs the plugin {needed}{words}, which is not installed. Install it first."
    elif range_ and other.manifest is not None and not _within(other.version, range_):
        yield (
            f"{called} needs {other.title} {in_words(range_)}, and {other.version} is installed."
            f"{_content_with(found, wanted, manifest.name, needed)}"
        )
    elif needed not in wanted:
        yield f"{called} needs the plugin {other.title}, which is not switched on. Switch that on first."


def _content_with(found: Mapping[str, Found], wanted: frozenset[str], name: str, needed: str) -> str:
    """Who else needs a plugin as it is installed, so that another version of it may not suit them."""
    others = []
    for each in sorted(wanted - {name}):
        plugin = found.get(each)
        range_ = plugin.manifest.ranges.get(needed, "") if plugin is not None and plugin.manifest is not None else ""
        if range_ and _within(found[needed].version, range_):
            others.append(f"{_called(found, each)} needs it {in_words(range_)}")
    return f" Mind that {listed(others)}." if others else ""


def _within(version: str, range_: str) -> bool:
    """Whether a version is in a range. One that is being tried out before its release counts like any other."""
    return SpecifierSet(range_).contains(Version(version), prereleases=True)


def _loop(found: Mapping[str, Found], name: str) -> list[str]:
    """The plugins through which ``name`` requires itself, in order of their names; none if it doesn't."""
    paths: list[tuple[str, ...]] = [(name,)]
    seen: set[str] = set()
    while paths:
        path = paths.pop()
        plugin = found.get(path[-1])
        for needed in plugin.manifest.requires if plugin and plugin.manifest else ():
            if needed == name:
                return sorted(path)
            if needed not in seen:
                seen.add(needed)
                paths.append((*path, needed))
    return []
