"""Calling one implementation of a hook, alone: whatever it does concerns its own plugin and nobody else.

The guard of a town knows two ways. :meth:`Guard.decide` asks a hook that decides: if it fails, or is left alone
because it failed too often, the change is refused with a sentence. :meth:`Guard.react` tells a hook that reacts: if it
fails, what it wrote is undone, and the caller gets a sentence to show instead.

Every error is a failure, ``SystemExit`` and endless recursion among them; only ``KeyboardInterrupt`` and
``MemoryError`` pass, because they mean the whole process. So is an answer that is nonsense. A call that takes longer
than its hook may is written down; one that takes :data:`HOPELESS` times as long counts as a failure for the breaker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import local
from typing import TYPE_CHECKING
from typing import Any
from typing import Generic
from typing import TypeVar

from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import Outdated
from townhall.errors import PluginError
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.extend.answers import text
from townhall.extend.breaker import Breakers
from townhall.extend.failures import Stage
from townhall.extend.hooks import Implementation
from townhall.hookspecs import DECIDING

if TYPE_CHECKING:
    from townhall.town import Town

log = logging.getLogger("townhall.plugins")

T = TypeVar("T")

#: Errors that mean the whole process, and no plugin.
PASSED = (KeyboardInterrupt, MemoryError, Outdated)
#: Errors by which a hook that decides refuses on purpose.
REFUSALS = (Rejected, ValidationFailed)
#: A call that takes so many times its budget counts as failed.
HOPELESS = 10
#: How often a hook may lead to itself: by a write in it that asks it again.
DEEPEST = 8


@dataclass(slots=True)
class Reaction(Generic[T]):
    """What a hook that reacts answered, or, in ``problem``, a sentence for the person instead."""

    plugin: str
    value: T | None = None
    problem: str = ""


class _Depths(local):
    """How often each hook stands on this thread's stack."""

    def __init__(self) -> None:
        self.depths: dict[tuple[str, str], int] = {}


class Guard:
    """Calls the hooks of one town's plugins. ``title`` says what to call a plugin in a sentence."""

    def __init__(self, town: Town, title: Callable[[str], str]) -> None:
        self._town = town
        self._title = title
        self._within = _Depths()
        self.breakers = Breakers(town.clock.monotonic, town.clock.now)

    def decide(self, hook: Implementation, accept: Callable[[Any], T], arguments: Mapping[str, Any]) -> T:
        """The answer of a hook that decides, as ``accept`` takes it.

        There is no savepoint: a refusal undoes the whole change, and with it what the implementation wrote. Raises
        :class:`~townhall.errors.Rejected` if the hook refuses, fails or can't be asked, and
        :class:`~townhall.errors.ValidationFailed` if it refuses so.
        """
        if not self.breakers.allows(hook.plugin, hook.hook):
            raise Rejected(self.out(hook.plugin) or f"{self._title(hook.plugin)} can't check this at the moment.")
        try:
            answer, _ = self._alone(hook, accept, arguments, refusable=True)
        except PASSED:
            raise
        except BaseException as error:
            self.failed(hook.plugin, hook.hook, error, hook.stage)
            raise Rejected(
                f"{self._title(hook.plugin)} could not check this, so nothing was saved. "
                "Ask whoever looks after Townhall."
            ) from error
        self.breakers.succeeded(hook.plugin, hook.hook)
        if isinstance(answer, REFUSALS):
            raise answer
        return answer

    def react(self, hook: Implementation, accept: Callable[[Any], T], arguments: Mapping[str, Any]) -> Reaction[T]:
        """The answer of a hook that reacts, as ``accept`` takes it, or a sentence instead."""
        if not self.breakers.allows(hook.plugin, hook.hook):
            return Reaction(
                hook.plugin,
                problem=f"{self._title(hook.plugin)} failed several times, so it is left alone for a minute. "
                "Everything else works.",
            )
        database = self._town.database
        try:
            # A savepoint inside another transaction, so that what a failing one wrote is undone.
            undoing = immediate(database) if hook.what.writes or database.transaction_depth() else None
            value, hopeless = self._alone(hook, accept, arguments, undoing=undoing)
        except PASSED:
            raise
        except BaseException as error:
            if isinstance(error, Forbidden) and "actor" in arguments:
                # It asked as whoever looks, who may not know: there is nothing to show them, and nothing is broken.
                self.breakers.succeeded(hook.plugin, hook.hook)
                return Reaction(hook.plugin)
            self.failed(hook.plugin, hook.hook, error, hook.stage)
            return Reaction(
                hook.plugin, problem=f"{self._title(hook.plugin)} could not show this. Everything else works."
            )
        if hopeless:
            self.breakers.failed(hook.plugin, hook.hook)
        else:
            self.breakers.succeeded(hook.plugin, hook.hook)
        return Reaction(hook.plugin, value)

    def work(self, job: Implementation, accept: Callable[[Any], T], arguments: Mapping[str, Any]) -> T:
        """What a job did, as ``accept`` takes it. It runs in no transaction, so each of its writes stands for itself.

        Raises :class:`~townhall.errors.PluginError` if it is left alone because it failed too often, and whatever it
        raised itself, written down as its plugin's failure.
        """
        if not self.breakers.allows(job.plugin, job.hook):
            raise PluginError(f"{self._title(job.plugin)} failed several times, so its job is left alone for a minute.")
        try:
            done, hopeless = self._alone(job, accept, arguments)
        except PASSED:
            raise
        except BaseException as error:
            self.failed(job.plugin, job.hook, error, job.stage)
            raise
        (self.breakers.failed if hopeless else self.breakers.succeeded)(job.plugin, job.hook)
        return done

    def failed(self, plugin: str, hook: str, error: BaseException, stage: Stage = "call") -> None:
        """Write a failure of a plugin's code down, and count it."""
        self.breakers.failed(plugin, hook)
        self.told(plugin, hook, error, stage)

    def told(self, plugin: str, what: str, error: BaseException, stage: Stage) -> None:
        """Write a failure of a plugin down, for IT in the log and on the plugin's page."""
        log.error("Plugin %s failed in %s", plugin, what, exc_info=error)
        self._town.failures.note(plugin, stage, what, error)

    def out(self, plugin: str) -> str:
        """Why nothing of which a plugin decides can be saved just now; empty if it can."""
        since = self.breakers.out_since(plugin, DECIDING)
        if since is None:
            return ""
        at = f"{since.astimezone(self._town.zone):%H:%M}"
        title = self._title(plugin)
        return (
            f"{title} has failed again and again since {at}, and what it must check can't be saved without it. "
            "It is tried again after a minute; if that doesn't help, whoever looks after Townhall finds the reason on "
            "the plugins page."
        )

    @property
    def writes(self) -> bool:
        """Whether a change of the town's records is under way on this thread."""
        return bool(self._town.database.transaction_depth())

    # -- how --------------------------------------------------------------------------------------------------

    def _alone(
        self,
        hook: Implementation,
        accept: Callable[[Any], T],
        arguments: Mapping[str, Any],
        *,
        refusable: bool = False,
        undoing: AbstractContextManager[Any] | None = None,
    ) -> tuple[T, bool]:
        """What a hook answers, as ``accept`` takes it, and whether it took hopelessly long.

        What it raises to refuse is given back, if that is ``refusable``, and no failure. A hook that leads to itself
        again and again is stopped before the interpreter does it, and a call that took too long is written down. A page
        asks a dozen hooks and an import one for every row, so this is no context manager and makes few objects.
        """
        key, depths = (hook.plugin, hook.hook), self._within.depths
        depth = depths.get(key, 0)
        if depth >= DEEPEST:
            raise RecursionError("it leads to itself: what it writes asks it again, without an end")
        depths[key] = depth + 1
        try:
            if undoing is None:
                answer, took = self._timed(hook, accept, arguments, refusable)
            else:
                with undoing:  # which asks hooks again when it ends, and is not the fault of this one
                    answer, took = self._timed(hook, accept, arguments, refusable)
        finally:
            depths[key] = depth
        return answer, took > hook.what.seconds and self._late(hook, took)

    def _timed(
        self, hook: Implementation, accept: Callable[[Any], T], arguments: Mapping[str, Any], refusable: bool
    ) -> tuple[T, float]:
        """What a hook answers, and how many seconds it took."""
        monotonic = self._town.clock.monotonic
        start = monotonic()
        try:
            given = hook.function(*[arguments[name] for name in hook.names])
        except REFUSALS as refusal:
            if not refusable:
                raise
            answer: Any = _in_plain_words(refusal, self._title(hook.plugin))
        else:
            answer = accept(given)
        return answer, monotonic() - start

    def _late(self, hook: Implementation, took: float) -> bool:
        """Write down that a call took longer than it may; whether hopelessly so."""
        allowed = hook.what.seconds
        said = f"It took longer than the {allowed:g} seconds that {hook.hook} may take."
        log.warning("Plugin %s: %s took %.1f seconds", hook.plugin, hook.hook, took)
        self._town.failures.note(hook.plugin, "slow", hook.hook, said)
        return took >= allowed * HOPELESS


def _in_plain_words(error: Rejected | ValidationFailed, title: str) -> Rejected | ValidationFailed:
    """A refusal on purpose, with nothing in it but sentences and names of fields."""
    if isinstance(error, ValidationFailed):
        return ValidationFailed({text(name): text(sentence) for name, sentence in error.errors.items()})
    field = error.field if isinstance(error.field, str) else ""
    return Rejected(text(str(error)) or f"{title} refuses this.", text(field))
