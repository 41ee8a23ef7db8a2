"""The hooks that a plugin may implement: the whole list, in the order of a record's life.

A plugin implements one by defining a function of the same name marked with ``@townhall.hookimpl``; it may leave out
arguments that it doesn't need. Hooks that *decide* are asked inside the transaction: if one fails, the change is
refused with a sentence. Hooks that *react* are asked afterwards: if one fails, the failure is logged and everything
else works.

``@townhall.for_types("pets.licence", …)`` below ``@hookimpl`` says for which types of record an implementation of
``before_save`` or ``after_save`` is called. Without it, it is called for every type; an import of a hundred thousand
contacts asks it a hundred thousand times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from collections.abc import Sequence
    from typing import Any
    from typing import TypeVar

    from townhall.access.actors import Actor
    from townhall.demo import Demo
    from townhall.extend.values import Change
    from townhall.extend.values import Flag
    from townhall.extend.values import Panel
    from townhall.records.types import Record
    from townhall.town import Town

    Function = TypeVar("Function", bound=Callable[..., Any])

hookspec = pluggy.HookspecMarker("townhall")
hookimpl = pluggy.HookimplMarker("townhall")

#: Hooks whose failure refuses the change. All others react.
DECIDING = frozenset({"before_save", "compute_field"})
#: Hooks that decide who may read records. While the code of a plugin that has one doesn't run, its records are for
#: whoever looks after plugins only.
RESTRICTING: frozenset[str] = frozenset()


def for_types(*identities: str) -> Callable[[Function], Function]:
    """Ask an implementation of ``before_save`` or ``after_save`` about records of these types only."""

    def mark(function: Function) -> Function:
        function.townhall_types = frozenset(identities)  # type: ignore[attr-defined]
        return function

    return mark


# Deciding: asked before a record is written


@hookspec
def compute_field(town: Town, identity: str, field: str, name: str, values: Mapping[str, Any]) -> Any:
    """Compute a field declared with ``compute = { hook = "name" }``. The first answer that is not ``None`` counts.

    :param town: The town, for reading other records.
    :param identity: The record's type.
    :param field: The computed field.
    :param name: What the schema wrote after ``hook``.
    :param values: The record's other values.
    :return: A value of the kind that the schema's ``stores`` says, or ``None``.
    """


@hookspec
def before_save(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Look at a change before it is written; add values to it, or refuse it.

    Called for types of the plugin itself and of all others, or for those named by ``@for_types``, after Townhall's own
    checks have passed.

    :param town: The town, for reading other records.
    :param change: What is about to happen.
    :return: Values to set as well, by field; ``None`` or nothing to leave it as it is.
    :raises townhall.Rejected: to refuse, with a sentence for the person and perhaps the field it is about.
    """


# Reacting: told after a record is written and committed


@hookspec
def after_save(town: Town, change: Change) -> None:
    """React to a change that is committed.

    Imports call it for each row, so name the types that you mean with ``@for_types``, and read the record only if you
    need more of it than ``change.values``.

    :param town: The town, for reading and writing other records.
    :param change: What happened; ``change.id`` is the record's.
    """


# Reacting: asked when a record's page is shown


@hookspec
def record_panels(town: Town, actor: Actor, record: Record) -> Sequence[Panel]:  # type: ignore[empty-body]
    """Add panels to a record's page in the clerk's screens.

    :param town: The town, for reading other records.
    :param actor: Who looks; read other records as this actor.
    :param record: The record, as this actor may see it.
    :return: Panels, in order.
    """


@hookspec
def record_flags(town: Town, actor: Actor, record: Record) -> Sequence[Flag]:  # type: ignore[empty-body]
    """Add flags beside a record's title: what to know before picking up the phone. At most four are shown.

    :param town: The town, for reading other records.
    :param actor: Who looks; read other records as this actor.
    :param record: The record, as this actor may see it.
    :return: Flags, the most important first.
    """


# Reacting: asked when a demo town is made


@hookspec
def demo_records(town: Town, demo: Demo) -> None:
    """Make records for the demo town, through ``town.records``.

    :param town: The demo town.
    :param demo: Its contacts, staff and dates, and the one source of chance, so that the demo is always the same.
    """
