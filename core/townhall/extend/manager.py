"""The plugin manager: one typed method per hook, each implementation run alone and guarded.

Core never calls a hook directly. A plain call of all implementations would lose every plugin's results when one of
them fails; here a failure concerns the plugin that failed, and nobody else (:mod:`townhall.extend.guarding`).

To add a hook:

1. declare it in :mod:`townhall.hookspecs`, with ``@deciding(seconds)`` or ``@reacting(seconds)``;
2. if it answers something new, write in :mod:`townhall.extend.answers` what it may answer;
3. give it a method here, of one line for most::

       def due_soon(self, record: Record) -> list[Flag]:
           return [flag for each in self._react("due_soon", flags_of, record=record) for flag in each.value or ()]

   or, for one that decides, ``self._decide("may_close", nothing, record.identity, record=record)``.

The reference page of hooks, the page of each plugin and ``townhall plugins show`` find it by themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeVar

from townhall.errors import Rejected
from townhall.extend import field_guards
from townhall.extend.answers import MAX_FLAGS
from townhall.extend.answers import anything
from townhall.extend.answers import assignment_of
from townhall.extend.answers import conditions_of
from townhall.extend.answers import deadlines_of
from townhall.extend.answers import findings_of
from townhall.extend.answers import flags_of
from townhall.extend.answers import nothing
from townhall.extend.answers import notices_of
from townhall.extend.answers import panels_of
from townhall.extend.answers import values_of
from townhall.extend.discovery import Found
from townhall.extend.guarding import Guard
from townhall.extend.guarding import Reaction
from townhall.extend.hooks import Implementation
from townhall.extend.loading import Loaded
from townhall.extend.values import Assignment
from townhall.extend.values import Change
from townhall.extend.values import Deadline
from townhall.extend.values import Finding
from townhall.extend.values import Flag
from townhall.extend.values import Notice
from townhall.extend.values import Panel
from townhall.hookspecs import RESTRICTING
from townhall_forms.schema import Schemas

if TYPE_CHECKING:
    from townhall.access.actors import Actor
    from townhall.demo import Demo
    from townhall.records.types import Record
    from townhall.town import Town

T = TypeVar("T")


class PluginManager:
    """The plugins of one town, as they run now.

    ``found`` holds all plugins that are there, ``running`` those that are on, ``problems`` why one that should be on
    isn't, ``hooks`` what each implements, and ``frozen`` those that don't run and whose records can be read.
    ``decides`` says about which types the code of a plugin decides that was left out in safe mode, as
    :mod:`townhall.extend.states` keeps it.
    """

    def __init__(
        self, town: Town, found: Mapping[str, Found], loaded: Loaded, decides: Mapping[str, str] | None = None
    ) -> None:
        self.found = found
        self.running: dict[str, Found] = dict(loaded.running)
        self.problems: dict[str, str] = dict(loaded.problems)
        self.hooks: dict[str, tuple[Implementation, ...]] = dict(loaded.hooks)
        #: The functions behind the jobs of each running plugin; none in safe mode.
        self.jobs: dict[str, tuple[Implementation, ...]] = dict(loaded.jobs)
        self.frozen = dict(loaded.frozen)
        self._town = town
        self._settings = dict(loaded.settings)
        self.guard = Guard(town, self.title)
        #: Plugins whose code was left out although it decides, by the types about which it does; ``*`` for all types.
        self._missed = _missed(self.running, decides or {}) if town.safe_mode else {}
        #: Types about whose reading code decides.
        self.restricted = frozenset(
            identity
            for hooks in self.hooks.values()
            for each in hooks
            if each.hook in RESTRICTING
            for identity in each.types or ()
        )
        #: Implementations by hook and type of record, worked out when first asked for; what runs doesn't change.
        self._asked: dict[tuple[str, str], tuple[Implementation, ...]] = {}
        self._panels_of = {name: partial(panels_of, plugin=name) for name in self.hooks}

    # -- what runs --------------------------------------------------------------------------------------------

    def has(self, hook: str, identity: str = "") -> bool:
        """Whether any running plugin implements ``hook``, for the type ``identity``; fast paths skip asking."""
        return bool(self._implementations(hook, identity))

    def settings(self, name: str) -> Mapping[str, Any]:
        """The values of a running plugin's settings; those that the town didn't set have their defaults."""
        return self._settings.get(name, {})

    def guarded(self, schemas: Schemas) -> Schemas:
        """The same types; the fields whose types plugins brought are guarded like hooks."""
        return field_guards.guarded(schemas, self.running, self.guard)

    def folders(self) -> Mapping[str, Path]:
        """The folders of the running plugins, by name."""
        return {name: plugin.folder for name, plugin in self.running.items()}

    def title(self, name: str) -> str:
        """What to call a plugin on screen."""
        plugin = self.found.get(name)
        if plugin is not None and plugin.manifest is not None:
            return plugin.title
        kept = self.frozen.get(name)
        return kept.title if kept is not None else name

    def read_only(self, identity: str) -> str:
        """Why records of a type can only be read just now, in a sentence; empty if they can be changed.

        The code that decides about them is left out (safe mode), or left alone because it failed too often.
        """
        plugin = identity.partition(".")[0]
        if self._missed:
            missing = next((self._missed[key] for key in (plugin, identity, "*") if key in self._missed), "")
            if missing:
                return (
                    f"Townhall runs in safe mode, without the code of {self.title(missing)}, which decides about these "
                    "records. So they can be read and not be changed."
                )
        return self.guard.out(plugin)

    # -- deciding: a failure refuses --------------------------------------------------------------------------

    def before_save(
        self, change: Change, take: Callable[[Mapping[str, Any]], Mapping[str, str]] = lambda values: {}
    ) -> dict[str, Any]:
        """Ask every plugin about a change; the values that they add. Raises :class:`~townhall.errors.Rejected`.

        ``take`` puts what one of them adds among the record's values, and raises if it can't be a value there. Why it
        left a field as it is, it says by name: that stands on the plugin's page.
        """
        added: dict[str, Any] = {}

        def accept(answer: Any) -> dict[str, Any]:
            values = values_of(answer)
            if values:
                left_out.update(take(values))
            return {name: value for name, value in values.items() if name not in left_out}

        for hook in self._implementations("before_save", change.identity):
            current = replace(change, values={**change.values, **added}) if added else change
            left_out: dict[str, str] = {}
            added.update(self.guard.decide(hook, accept, {"town": self._town, "change": current}))
            for name, why in left_out.items():
                said = f"It set “{name}” of {change.identity}, which was left as it is. {why}"
                self._town.failures.note(hook.plugin, hook.stage, hook.hook, said)
        return added

    def route_case(self, change: Change) -> tuple[str, Assignment] | None:
        """The plugin that says where a case goes, and what it says; ``None`` if none does.

        Raises :class:`~townhall.errors.Rejected`.
        """
        for hook in self._implementations("route_case", change.identity):
            answer = self.guard.decide(hook, assignment_of, {"town": self._town, "change": change})
            if answer is not None:
                return hook.plugin, answer
        return None

    def compute_field(
        self,
        identity: str,
        field: str,
        name: str,
        values: Mapping[str, Any],
        check: Callable[[Any], None] = lambda value: None,
    ) -> Any:
        """The value of a computed field from the plugin that declares the type; ``None`` if it gives none.

        ``check`` raises if a value can't be one of that field. Raises :class:`~townhall.errors.Rejected`.
        """
        if not self._implementations("compute_field"):
            return None

        def accept(answer: Any) -> Any:
            check(anything(answer))
            return answer

        owner = identity.partition(".")[0]
        given = {"identity": identity, "field": field, "name": name, "values": values}
        return next(iter(self._decide("compute_field", accept, only=owner, **given)), None)

    def guard_transition(self, actor: Actor, record: Record, transition: str) -> None:
        """Ask every plugin about a move. Raises :class:`~townhall.errors.Rejected` if one refuses."""
        self._decide("guard_transition", nothing, record.identity, actor=actor, record=record, transition=transition)

    def restrict(self, actor: Actor, read: Callable[[str, Any], T]) -> dict[str, list[T] | None]:
        """What records must fulfil so that the actor may know of them, by type: conditions as ``read`` takes them.

        ``read`` raises if an answer is no condition. ``None`` stands for a type about which a plugin can't say.
        """
        found: dict[str, list[T] | None] = {}
        for hook in self._implementations("restrict"):
            named = hook.types or frozenset()

            def accept(answer: Any, named: frozenset[str] = named) -> dict[str, T]:
                return conditions_of(answer, named, read)

            try:
                answer = self.guard.decide(hook, accept, {"town": self._town, "actor": actor})
            except Rejected:
                found |= dict.fromkeys(named)
                continue
            for identity, condition in answer.items():
                found[identity] = [*(found.get(identity) or ()), condition]
        return found

    # -- reacting: a failure is told and contained ------------------------------------------------------------

    def after_save(self, change: Change) -> None:
        """Tell every plugin of a change that is committed."""
        self._react("after_save", nothing, change.identity, change=change)

    def record_panels(self, actor: Actor, record: Record) -> list[Panel]:
        """The panels that plugins add to a record's page; one that failed is a panel with a ``problem``."""
        return self._panels(self._panel_answers("record_panels", record.identity, actor=actor, record=record))

    def record_flags(self, actor: Actor, record: Record) -> list[Flag]:
        """The flags that plugins add beside a record's title."""
        answers = self._react("record_flags", flags_of, record.identity, actor=actor, record=record)
        return [replace(flag, plugin=each.plugin) for each in answers for flag in each.value or ()][:MAX_FLAGS]

    def public_panels(self, actor: Actor, record: Record) -> list[Panel]:
        """The panels that plugins add to a citizen's page; nothing of those that failed."""
        answers = self._panel_answers("public_panels", record.identity, actor=actor, record=record)
        return [panel for each in answers for panel in each.value or ()]

    def home_cards(self, actor: Actor) -> list[Panel]:
        """The cards that plugins add to "My work"; one that failed is a card with a ``problem``."""
        return self._panels(self._panel_answers("home_cards", actor=actor))

    def calendar_entries(self, actor: Actor, start: datetime, end: datetime) -> list[Deadline]:
        """The days that plugins add to the calendar."""
        answers = self._react("calendar_entries", deadlines_of, actor=actor, start=start, end=end)
        return [replace(each, plugin=answer.plugin) for answer in answers for each in answer.value or ()]

    def public_notices(self) -> list[Notice]:
        """The lines that plugins put on the public home page."""
        answers = self._react("public_notices", notices_of)
        return [replace(notice, plugin=each.plugin) for each in answers for notice in each.value or ()]

    def health_checks(self) -> list[Finding]:
        """What plugins find about how they are set up; one that failed is a finding."""
        found: list[Finding] = []
        for each in self._react("health_checks", findings_of):
            if each.problem:
                found.append(Finding(self.title(each.plugin), False, each.problem, each.plugin))
            found += [replace(finding, plugin=each.plugin) for finding in each.value or ()]
        return found

    def admin_views(self, add: Callable[[str, Any], None]) -> None:
        """Let ``add`` put each plugin's views, if it brings any, into the clerk's screens; it may raise."""
        for hook in self._implementations("admin_views"):

            def accept(answer: Any, plugin: str = hook.plugin) -> None:
                add(plugin, answer)

            self.guard.react(hook, accept, {"town": self._town})

    def demo_records(self, demo: Demo) -> None:
        """Let every plugin make its records for the demo town."""
        self._react("demo_records", nothing, demo=demo)

    # -- how --------------------------------------------------------------------------------------------------

    def _panels(self, answers: Iterable[Reaction[list[Panel]]]) -> list[Panel]:
        """All panels, and for a plugin that failed one that says so."""
        panels: list[Panel] = []
        for each in answers:
            if each.problem:
                panels.append(Panel(label=self.title(each.plugin), plugin=each.plugin, problem=each.problem))
            panels += each.value or ()
        return panels

    def _panel_answers(self, hook: str, type_: str = "", /, **arguments: Any) -> list[Reaction[list[Panel]]]:
        """The panels that each plugin answers, with its name in them."""
        asked = self._implementations(hook, type_)
        if not asked:
            return []
        given = {"town": self._town, **arguments}
        return [self.guard.react(each, self._panels_of[each.plugin], given) for each in asked]

    def _react(self, hook: str, accept: Callable[[Any], T], type_: str = "", /, **arguments: Any) -> list[Reaction[T]]:
        """What each plugin answers to a hook that reacts, in their order."""
        asked = self._implementations(hook, type_)
        if not asked:
            return []
        given = {"town": self._town, **arguments}
        return [self.guard.react(each, accept, given) for each in asked]

    def _decide(
        self, hook: str, accept: Callable[[Any], T], type_: str = "", /, *, only: str = "", **arguments: Any
    ) -> list[T]:
        """What each plugin, or ``only`` one, answers to a hook that decides.

        Raises :class:`~townhall.errors.Rejected`.
        """
        given = {"town": self._town, **arguments}
        asked = self._implementations(hook, type_)
        return [self.guard.decide(each, accept, given) for each in asked if not only or each.plugin == only]

    def _implementations(self, hook: str, identity: str = "") -> tuple[Implementation, ...]:
        """The implementations of a hook, the last loaded first; those that name types only for one of these."""
        known = self._asked.get((hook, identity))
        if known is None:
            found = [
                each
                for hooks in self.hooks.values()
                for each in hooks
                if each.hook == hook and (not identity or each.types is None or identity in each.types)
            ]
            found.reverse()
            known = self._asked[hook, identity] = tuple(sorted(found, key=lambda each: each.rank))
        return known


def _missed(running: Mapping[str, Found], decides: Mapping[str, str]) -> dict[str, str]:
    """Plugins, and types, about which code decides that was left out, each with the plugin whose code it is.

    A plugin whose code never ran here may decide about anything of its own.
    """
    missed: dict[str, str] = {}
    for name, plugin in running.items():
        kept = decides.get(name, "")
        named = json.loads(kept) if kept else []
        if named is None or not (plugin.folder / "__init__.py").is_file():
            continue
        missed |= dict.fromkeys((name, *named), name)
    return missed
