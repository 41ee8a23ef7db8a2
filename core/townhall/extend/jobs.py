"""The jobs that plugins declare: ``[jobs.NAME]`` of a manifest, and the function of the plugin's code behind each."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import FunctionType
from types import ModuleType
from typing import Any

from townhall.db.system import SystemTables
from townhall.errors import PluginError
from townhall.extend.answers import nothing
from townhall.extend.answers import text
from townhall.extend.hooks import Implementation
from townhall.hookspecs import HookKind
from townhall.schedules import Schedule

#: What a job of a plugin is to a guard: its failure refuses nothing, and it may take so many seconds.
KIND = HookKind(decides=False, seconds=60.0)


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job as a manifest declares it. ``run`` is the name of a function of the plugin's module."""

    name: str
    label: str
    schedule: Schedule
    run: str
    help: str = ""


def functions(plugin: str, specs: Mapping[str, JobSpec], module: ModuleType | None) -> tuple[Implementation, ...]:
    """The functions behind a plugin's jobs, by the order of its manifest.

    Raises :class:`~townhall.errors.PluginError` for one that isn't there or can't be called with the town alone.
    """
    found = []
    for spec in specs.values():
        known = {name: value for name, value in vars(module).items() if type(value) is FunctionType} if module else {}
        function = known.get(spec.run)
        if function is None:
            close = get_close_matches(spec.run, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise PluginError(
                f"{plugin}: its job {spec.name} runs {spec.run}, and its code has no such function.{hint}", "hooks"
            )
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise PluginError(f"{plugin}: its job {spec.name} is async or yields; jobs are called plainly.", "hooks")
        try:
            inspect.signature(function).bind(None)
        except (TypeError, ValueError) as error:
            raise PluginError(
                f"{plugin}: its job {spec.name} can't be called: {spec.run} must take just the town.",
                "hooks",
            ) from error
        found.append(Implementation(plugin, f"job {spec.name}", function, ("town",), kind=KIND, stage="job"))
    return tuple(found)


def sentence_of(answer: Any) -> str:
    """What a job may answer: a sentence on what it did, or nothing."""
    nothing(answer)
    return "" if answer is None else text(answer).strip()


def forget(system: SystemTables, plugin: str) -> None:
    """Forget all runs of a plugin's jobs, and since when they are looked after."""
    for table, name in ((system.job_run, system.job_run.job), (system.job_state, system.job_state.name)):
        table.delete().where(name.startswith(f"{plugin}.")).execute()
