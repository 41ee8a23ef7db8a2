"""What whoever looks after a town wants to know of a plugin: what it is, what it does, and what went wrong with it.

Nothing here runs a plugin's code: it is read from manifests, from what is known of hooks since they were imported, and
from the failures that were written down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.extend import failures
from townhall.extend import watching
from townhall.extend.breaker import BreakerState
from townhall.extend.failures import Failure
from townhall.extend.jobs import JobSpec
from townhall.hookspecs import KINDS
from townhall.lifecycle import switching

if TYPE_CHECKING:
    from townhall.town import Town

#: Settings with these words in their names are never shown.
_SECRET = re.compile(r"password|passphrase|secret|token|key|credential", re.IGNORECASE)
MASK = "••••••"


@dataclass(frozen=True, slots=True)
class HookLine:
    """A hook that a plugin implements, or a face of a field type of its own that failed.

    ``types`` are those it names, empty for all.
    ``typed`` says whether it is about records at all, ``goes`` what to use instead if it will go away.
    """

    name: str
    decides: bool
    seconds: float
    types: tuple[str, ...]
    state: BreakerState | None
    typed: bool
    goes: str


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting of a plugin and its value, masked if it is a secret."""

    name: str
    label: str
    help: str
    value: Any


@dataclass(frozen=True, slots=True)
class Description:
    """Everything about one plugin. ``in_code`` says whether it has code that runs."""

    status: switching.Status
    api: str
    license: str
    in_code: bool
    hooks: tuple[HookLine, ...]
    jobs: tuple[JobSpec, ...]
    settings: tuple[SettingLine, ...]
    failures: tuple[Failure, ...]

    @property
    def paused(self) -> list[HookLine]:
        """Hooks that are left alone."""
        return [hook for hook in self.hooks if hook.state is not None and hook.state.opened is not None]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a plugin needs somebody's attention: it didn't start, hooks are left alone, or it failed lately."""

    name: str
    title: str
    problem: str
    paused: bool
    failures: tuple[Failure, ...]

    @property
    def times(self) -> int:
        """How often it failed lately."""
        return sum(failure.count for failure in self.failures)


def describe(town: Town, name: str) -> Description:
    """Everything about a plugin. Raises :class:`~townhall.errors.PluginError` if there is none of that name."""
    status = switching.status(town, name)
    found = town.plugins.found.get(name)
    manifest = found.manifest if found is not None else None
    states = {state.hook: state for state in town.plugins.guard.breakers.states(name)}
    hooks = tuple(
        HookLine(
            each.hook,
            KINDS[each.hook].decides,
            KINDS[each.hook].seconds,
            tuple(sorted(each.types or ())),
            states.get(each.hook),
            KINDS[each.hook].typed,
            each.goes,
        )
        for each in town.plugins.hooks.get(name, ())
    )
    failing = (state for state in states.values() if "." in state.hook)
    hooks += tuple(HookLine(state.hook, *watching.told(state.hook), (), state, False, "") for state in failing)
    values: Mapping[str, Any] = town.plugins.settings(name)
    settings = tuple(
        SettingLine(setting.name, setting.label, setting.help, _shown(setting.name, values.get(setting.name)))
        for setting in (manifest.settings.values() if manifest is not None else ())
    )
    return Description(
        status,
        manifest.api if manifest is not None else "",
        manifest.license if manifest is not None else "",
        bool(found and (found.folder / "__init__.py").is_file()),
        hooks,
        tuple(manifest.jobs.values()) if manifest is not None else (),
        settings,
        tuple(town.failures.of(name)),
    )


def try_again(town: Town, name: str) -> None:
    """Call everything of a plugin again that was left alone."""
    town.plugins.guard.breakers.reset(name)


def troubled(town: Town) -> dict[str, Trouble]:
    """The plugins that need somebody's attention, by name."""
    plugins = town.plugins
    recent = failures.without_starts(town.failures.recent(), plugins.running)
    paused = plugins.guard.breakers.open_plugins()
    wanted = {*plugins.problems, *plugins.running}
    return {
        name: Trouble(
            name, plugins.title(name), plugins.problems.get(name, ""), name in paused, tuple(recent.get(name, ()))
        )
        for name in sorted({*plugins.problems, *paused, *recent} & wanted)
    }


def _shown(name: str, value: Any) -> Any:
    return MASK if _SECRET.search(name) and value not in (None, "") else value
