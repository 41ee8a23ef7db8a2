"""A plugin's implementations of hooks: found and checked before any of them runs.

One that Townhall can't ask under guard, or that would never be asked because its plugin mistyped something, keeps the
whole plugin off.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import pluggy

from townhall import hookspecs
from townhall.errors import PluginError
from townhall.extend.failures import Stage


@dataclass(frozen=True, slots=True)
class Implementation:
    """One plugin's implementation of one hook: the function, the arguments that it takes, and the types that it names.

    ``rank`` is -1 for one that wants to go first and 1 for one that wants to go last. ``goes`` says what to use
    instead, if the hook will go away. ``kind`` says what is so for one that is no hook; for hooks it stands in
    :mod:`townhall.hookspecs`.
    """

    plugin: str
    hook: str
    function: Callable[..., Any]
    names: tuple[str, ...]
    types: frozenset[str] | None = None
    rank: int = 0
    goes: str = ""
    kind: hookspecs.HookKind | None = None
    #: As what its failures are written down.
    stage: Stage = "call"
    #: What is so for it: whether it decides, how long it may take, whether it runs in a transaction.
    what: hookspecs.HookKind = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", self.kind or hookspecs.KINDS[self.hook])


def implementations(name: str, module: ModuleType) -> tuple[Implementation, ...]:
    """The hooks that a plugin's module implements.

    Raises :class:`~townhall.errors.PluginError` for hooks that Townhall doesn't have, that take other arguments or that
    can't be called one by one.
    """
    try:
        return tuple(_found(name, module))
    except PluginError:
        raise
    except pluggy.PluginValidationError as error:
        said = _wrong_argument(module) or f"its hooks don't fit: {' '.join(str(error).split())}"
        raise PluginError(f"{name}: {said}", "hooks") from error
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
        raise PluginError(f"{name}: its hooks can't be looked at: {said}.", "hooks") from error


def _wrong_argument(module: ModuleType) -> str:
    """What is wrong with the first implementation that takes what its hook doesn't give; empty if none does."""
    for hook in hookspecs.KINDS:
        function = getattr(module, hook, None)
        if not callable(function) or not hasattr(function, "townhall_impl"):
            continue
        given = list(inspect.signature(getattr(hookspecs, hook)).parameters)
        for argument in inspect.signature(function).parameters:
            if argument not in given:
                close = get_close_matches(argument, given, n=1)
                hint = f"did you mean {close[0]}?" if close else f"it gives {', '.join(given)}."
                return f"its {hook} doesn't fit: it takes {argument}, which this hook doesn't give; {hint}"
    return ""


def _found(name: str, module: ModuleType) -> Iterable[Implementation]:
    probe = pluggy.PluginManager("townhall")
    probe.add_hookspecs(hookspecs)
    probe.register(module, name)
    for caller in probe.get_hookcallers(module) or ():
        if not caller.has_spec():
            close = get_close_matches(caller.name, hookspecs.KINDS, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise PluginError(
                f"{name}: it implements the hook {caller.name}, which this Townhall doesn't have.{hint}", "hooks"
            )
        for found in caller.get_hookimpls():
            if found.wrapper or found.hookwrapper:
                raise PluginError(
                    f"{name}: its {caller.name} wraps other plugins' hooks, which is not allowed.", "hooks"
                )
            if inspect.iscoroutinefunction(found.function) or inspect.isasyncgenfunction(found.function):
                raise PluginError(f"{name}: its {caller.name} is async; hooks are called plainly.", "hooks")
            types = getattr(found.function, "townhall_types", None)
            yield Implementation(
                name,
                caller.name,
                found.function,
                tuple(found.argnames),
                None if types is None else frozenset(map(str, types)),
                -1 if found.tryfirst else 1 if found.trylast else 0,
                str(hookspecs.KINDS[caller.name].goes or ""),
            )


def check_types(name: str, hooks: Iterable[Implementation], known: Collection[str]) -> None:
    """Refuse an implementation for a type of core or of the plugin itself that there isn't: nobody would ever ask it.

    Raises :class:`~townhall.errors.PluginError`.
    """
    for hook in hooks:
        if hook.types is not None and not hookspecs.KINDS[hook.hook].typed:
            raise PluginError(
                f"{name}: its {hook.hook} is not about records, so @for_types says nothing there.", "hooks"
            )
        _check_restriction(name, hook)
        for identity in sorted(hook.types or ()):
            if identity not in known and identity.partition(".")[0] in {name, "core"}:
                close = get_close_matches(identity, list(known), n=1)
                hint = f" Did you mean {close[0]}?" if close else ""
                raise PluginError(
                    f"{name}: its {hook.hook} is for the type {identity}, which there isn't.{hint}", "hooks"
                )


def _check_restriction(name: str, hook: Implementation) -> None:
    """Code may keep back records of its own types only, which it must name: reading asks for it all the time."""
    if hook.hook not in hookspecs.RESTRICTING:
        return
    strange = sorted(identity for identity in hook.types or () if identity.partition(".")[0] != name)
    if not hook.types:
        raise PluginError(f"{name}: its {hook.hook} names no types; put @for_types(...) below @hookimpl.", "hooks")
    if strange:
        raise PluginError(f"{name}: its {hook.hook} is for {strange[0]}, which is not a type of its own.", "hooks")


def decided_by(hooks: Iterable[Implementation]) -> list[str] | None:
    """The types about which these hooks decide, ``*`` for all; ``None`` if they decide about nothing."""
    deciding = [hook for hook in hooks if hook.hook in hookspecs.DECIDING]
    if not deciding:
        return None
    named: set[str] = set()
    for hook in deciding:
        if hook.hook != "compute_field":  # it is asked about the plugin's own types only, which are meant anyway
            named |= hook.types if hook.types is not None else {"*"}
    return sorted(named)
