"""The hooks that a plugin may implement: the whole list, in the order of a record's life.

A plugin implements one by defining a function of the same name marked with ``@townhall.hookimpl``; it may leave out
arguments that it doesn't need. Every implementation runs alone and guarded. Hooks that *decide* are asked inside the
transaction: if one fails, the change is refused with a sentence. Hooks that *react* are asked afterwards: if one
fails, that is written down for whoever looks after the town, and everything else works. A hook that fails five times in
a row is left alone for a minute: one that reacts is skipped, one that decides refuses, and the records of its plugin
can't be changed meanwhile.

``@townhall.for_types("pets.licence", …)`` below ``@hookimpl`` says for which types of record an implementation of
``before_save``, ``route_case`` or ``after_save`` is called. Without it, it is called for every type; an import of a
hundred thousand contacts asks it a hundred thousand times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeVar

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from flask_admin import BaseView

    from townhall.access.actors import Actor
    from townhall.demo import Demo
    from townhall.extend.values import Assignment
    from townhall.extend.values import Change
    from townhall.extend.values import Flag
    from townhall.extend.values import Panel
    from townhall.records.types import Record
    from townhall.town import Town

Function = TypeVar("Function", bound="Callable[..., Any]")

hookspec = pluggy.HookspecMarker("townhall")
hookimpl = pluggy.HookimplMarker("townhall")


#: Hooks that decide who may read records. While the code of a plugin that has one doesn't run, its records are for
#: whoever looks after plugins only.
RESTRICTING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HookKind:
    """What is so for all implementations of a hook.

    ``decides``: its failure refuses. ``seconds``: how long one call may take before that is written down. ``writes``:
    it runs in a transaction of its own, so that nothing is left of one that fails.
    """

    decides: bool
    seconds: float
    writes: bool = False


def _hook(kind: HookKind) -> Callable[[Function], Function]:
    def mark(function: Function) -> Function:
        function.townhall_kind = kind  # type: ignore[attr-defined]
        marked: Function = hookspec(function)
        return marked

    return mark


def deciding(seconds: float) -> Callable[[Function], Function]:
    """Declare a hook that decides."""
    return _hook(HookKind(True, seconds))


def reacting(seconds: float, *, writes: bool = False) -> Callable[[Function], Function]:
    """Declare a hook that reacts."""
    return _hook(HookKind(False, seconds, writes))


def for_types(*identities: str) -> Callable[[Function], Function]:
    """Ask an implementation of ``before_save``, ``route_case`` or ``after_save`` about these types only."""

    def mark(function: Function) -> Function:
        function.townhall_types = frozenset(identities)  # type: ignore[attr-defined]
        return function

    return mark


# Deciding: asked before a record is written


@deciding(0.5)
def compute_field(town: Town, identity: str, field: str, name: str, values: Mapping[str, Any]) -> Any:
    """Compute a field declared with ``compute = { hook = "name" }``. Only the plugin that declares the type is asked.

    :param town: The town, for reading other records.
    :param identity: The record's type.
    :param field: The computed field.
    :param name: What the schema wrote after ``hook``.
    :param values: The record's other values.
    :return: A value of the kind that the schema's ``stores`` says, or ``None``.
    """


@deciding(0.5)
def before_save(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Look at a change before it is written; add values to it, or refuse it.

    Called for types of the plugin itself and of all others, or for those named by ``@for_types``, after Townhall's own
    checks have passed.

    :param town: The town, for reading other records.
    :param change: What is about to happen.
    :return: Values to set as well, by field; ``None`` or nothing to leave it as it is.
    :raises townhall.Rejected: to refuse, with a sentence for the person and perhaps the field it is about.
    """


@deciding(0.5)
def route_case(town: Town, change: Change) -> Assignment | None:
    """Say where a case that comes in goes: to a queue, to a person, with which priority.

    Asked once for each case, whichever door it came through, when it is made or when it leaves a draft. What it says
    goes before the town's own routing rules, and after what a person chose. The first plugin that answers decides. A
    queue that is not in use and a person who left are passed over. An import asks it for each row, so name the types
    that you mean with ``@for_types``.

    :param town: The town, for reading other records.
    :param change: The case that comes in.
    :return: Where it goes; ``None`` to leave it to other plugins and the town's rules.
    :raises townhall.Rejected: to refuse the case, with a sentence for the person and perhaps the field it is about.
    """


# Reacting: told after a record is written and committed


@reacting(2.0, writes=True)
def after_save(town: Town, change: Change) -> None:
    """React to a change that is committed.

    Imports call it for each row, so name the types that you mean with ``@for_types``, and read the record only if you
    need more of it than ``change.values``.

    :param town: The town, for reading and writing other records.
    :param change: What happened; ``change.id`` is the record's.
    """


# Reacting: asked when a record's page is shown


@reacting(0.5)
def record_panels(town: Town, actor: Actor, record: Record) -> Sequence[Panel]:  # type: ignore[empty-body]
    """Add panels to a record's page in the clerk's screens: at most ten, of at most 200 lines each, all plain text.

    :param town: The town, for reading other records.
    :param actor: Who looks; read other records as this actor.
    :param record: The record, as this actor may see it.
    :return: Panels, in order.
    """


@reacting(0.5)
def record_flags(town: Town, actor: Actor, record: Record) -> Sequence[Flag]:  # type: ignore[empty-body]
    """Add flags beside a record's title: what to know before picking up the phone. At most four are shown.

    :param town: The town, for reading other records.
    :param actor: Who looks; read other records as this actor.
    :param record: The record, as this actor may see it.
    :return: Flags, the most important first.
    """


# Reacting: asked when the screens are put together


@reacting(2.0)
def admin_views(town: Town) -> Sequence[BaseView]:  # type: ignore[empty-body]
    """Add Flask-Admin views to the clerk's screens. Make them anew at each call: every application gets its own.

    A view's endpoint is the plugin's name, or begins with it and an underscore, and so does its address below
    ``/admin/``. Only people who are signed in come in, and of those whom its ``is_accessible`` lets in. Its templates
    extend ``admin/base.html`` and stand in ``templates/<import name>/``.

    :param town: The town whose screens are made.
    :return: Views, in the order of the menu.
    """


# Reacting: asked when a demo town is made


@reacting(120.0, writes=True)
def demo_records(town: Town, demo: Demo) -> None:
    """Make records for the demo town, through ``town.records``.

    :param town: The demo town.
    :param demo: Its contacts, staff and dates, and the one source of chance, so that the demo is always the same.
    """


#: Every hook by name, and what is so for it.
KINDS: Mapping[str, HookKind] = {
    name: function.townhall_kind for name, function in list(globals().items()) if hasattr(function, "townhall_kind")
}
#: Hooks whose failure refuses the change. All others react.
DECIDING = frozenset(name for name, kind in KINDS.items() if kind.decides)
