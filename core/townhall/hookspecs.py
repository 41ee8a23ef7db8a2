"""The hooks that a plugin may implement: the whole list, in the order of a record's life.

A plugin implements one by defining a function of the same name marked with ``@townhall.hookimpl``; it may leave out
arguments that it doesn't need. Every implementation runs alone and guarded. Hooks that *decide* are asked inside the
transaction: if one fails, the change is refused with a sentence. Hooks that *react* are asked afterwards: if one
fails, that is written down for whoever looks after the town, and everything else works. A hook that fails five times in
a row is left alone for a minute: one that reacts is skipped, one that decides refuses, and the records of its plugin
can't be changed meanwhile.

``@townhall.for_types("pets.licence", …)`` below ``@hookimpl`` says for which types of record an implementation of a
hook about records is called. Without it, it is called for every type; an import of a hundred thousand contacts asks a
``before_save`` a hundred thousand times. ``restrict`` must name its types, which are the plugin's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeVar

import pluggy

from townhall.deprecations import TownhallDeprecation

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from collections.abc import Sequence
    from datetime import datetime

    from flask_admin import BaseView

    from townhall.access.actors import Actor
    from townhall.demo import Demo
    from townhall.extend.values import Assignment
    from townhall.extend.values import Change
    from townhall.extend.values import Deadline
    from townhall.extend.values import Finding
    from townhall.extend.values import Flag
    from townhall.extend.values import Notice
    from townhall.extend.values import Panel
    from townhall.records.types import Record
    from townhall.town import Town

Function = TypeVar("Function", bound="Callable[..., Any]")

hookspec = pluggy.HookspecMarker("townhall")
hookimpl = pluggy.HookimplMarker("townhall")


#: Hooks that decide who may read records. While the code of a plugin that has one doesn't run, its records are for
#: whoever looks after plugins only.
RESTRICTING: frozenset[str] = frozenset({"restrict"})


@dataclass(frozen=True, slots=True)
class HookKind:
    """What is so for all implementations of a hook.

    ``decides``: its failure refuses. ``seconds``: how long one call may take before that is written down. ``since``:
    the version of the plugin API that brought it. ``typed``: it is about records, so ``@for_types`` may name their
    types. ``writes``: it runs in a transaction of its own, so that nothing is left of one that fails. ``goes``: what
    warns each plugin that still implements it, saying what to use instead, if it will go away.
    """

    decides: bool
    seconds: float
    since: str = "1.0"
    typed: bool = False
    writes: bool = False
    goes: TownhallDeprecation | None = None


def _hook(kind: HookKind) -> Callable[[Function], Function]:
    def mark(function: Function) -> Function:
        function.townhall_kind = kind  # type: ignore[attr-defined]
        marked: Function = hookspec(function, warn_on_impl=kind.goes)
        return marked

    return mark


def deciding(
    seconds: float, *, since: str = "1.0", typed: bool = False, goes: TownhallDeprecation | None = None
) -> Callable[[Function], Function]:
    """Declare a hook that decides."""
    return _hook(HookKind(True, seconds, since, typed, goes=goes))


def reacting(
    seconds: float,
    *,
    since: str = "1.0",
    typed: bool = False,
    writes: bool = False,
    goes: TownhallDeprecation | None = None,
) -> Callable[[Function], Function]:
    """Declare a hook that reacts."""
    return _hook(HookKind(False, seconds, since, typed, writes, goes))


def for_types(*identities: str) -> Callable[[Function], Function]:
    """Ask an implementation of a hook about records of these types only."""

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

    For example::

        @hookimpl
        def compute_field(name, values):
            if name == "age_group":
                return "old" if (values.get("age") or 0) > 9 else "young"
            return None
    """


@deciding(0.5, typed=True)
def before_save(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Look at a change before it is written; add values to it, or refuse it.

    Called for types of the plugin itself and of all others, or for those named by ``@for_types``, after Townhall's own
    checks have passed.

    :param town: The town, for reading other records.
    :param change: What is about to happen.
    :return: Values to set as well, by field; ``None`` or nothing to leave it as it is. A field that would name a
        colleague who left, or give an open case to one who may not work on it, is passed over, and the plugin's page
        says so.
    :raises townhall.Rejected: to refuse, with a sentence for the person and perhaps the field it is about.

    For example::

        @hookimpl
        @for_types("pets.licence")
        def before_save(change):
            if (change.values.get("age") or 0) > 40:
                raise Rejected("No pet is that old. Enter its age in years.", "age")
            return {"colour": "brown"} if change.values.get("colour") is None else None
    """


@deciding(0.5, typed=True)
def guard_transition(town: Town, actor: Actor, record: Record, transition: str) -> None:
    """Refuse a move of a case that its schema allows: look at the record, and at who wants to make the move.

    Asked when the move is made, and when a page shows which moves there are: one that is refused stands there with
    the sentence instead of a button.

    :param town: The town, for reading other records.
    :param actor: Who wants to make the move.
    :param record: The record with all its values, as it stands before the move.
    :param transition: The move's name in the schema.
    :raises townhall.Rejected: to refuse, with a sentence.

    For example::

        @hookimpl
        @for_types("pets.licence")
        def guard_transition(actor, record, transition):
            if transition == "grant" and actor.kind == "staff" and record["keeper"] == actor.id:
                raise Rejected("It is your own pet. A colleague must grant its licence.")
    """


@deciding(0.5, typed=True)
def route_case(town: Town, change: Change) -> Assignment | None:
    """Say where a case that comes in goes: to a queue, to a person, with which priority.

    Asked once for each case, whichever door it came through, when it is made or when it leaves a draft. What it says
    goes before the town's own routing rules, and after what a person chose. The first plugin that answers decides. A
    queue that is not in use, and a person who left or may not work on the case, are passed over. An import asks it for
    each row, so name the types that you mean with ``@for_types``.

    :param town: The town, for reading other records.
    :param change: The case that comes in.
    :return: Where it goes; ``None`` to leave it to other plugins and the town's rules.
    :raises townhall.Rejected: to refuse the case, with a sentence for the person and perhaps the field it is about.

    For example::

        @hookimpl
        @for_types("pets.licence")
        def route_case(change):
            keeper = change.values.get("keeper")
            return Assignment(assignee=keeper, reason="Its keeper knows it.") if keeper else None
    """


# Deciding: asked before records are read


@deciding(0.5, typed=True)
def restrict(town: Town, actor: Actor) -> Mapping[str, Mapping[str, Any]] | None:
    """Restrict which records of the plugin's types an actor may know of, beyond permissions.

    What doesn't fit the condition is not there for them: in lists, counts, search, exports, links and addresses, and
    what was said about it is kept back with it. It holds for staff and for the public, not for the town's own work
    (``system()``). If it fails, nobody but whoever looks after plugins sees records of the types that it names by
    ``@for_types``.

    Read with ``system()`` in here. What it answers holds until something is written: it must not go by the time of day.

    :param town: The town, for reading other records.
    :param actor: Who reads.
    :return: For each type a condition as in a schema; what is left out is not restricted, ``None`` keeps nothing back.

    For example::

        @hookimpl
        @for_types("pets.licence")
        def restrict(actor):
            if actor.may("plugins.manage"):
                return None
            return {"pets.licence": {"any": [{"colour": {"ne": "secret"}}, {"keeper": "actor"}]}}
    """


# Reacting: told after a record is written and committed


@reacting(2.0, typed=True, writes=True)
def after_save(town: Town, change: Change) -> None:
    """React to a change that is committed.

    Imports call it for each row, so name the types that you mean with ``@for_types``, and read the record only if you
    need more of it than ``change.values``.

    :param town: The town, for reading and writing other records.
    :param change: What happened; ``change.id`` is the record's.

    For example::

        @hookimpl
        @for_types("pets.licence")
        def after_save(town, change):
            if change.transition == "grant":
                note = {"channel": "other", "direction": "internal", "body": "Send a tag for its collar."}
                about = f"pets.licence:{change.id}"
                town.records.create(system(), "core.interaction", {**note, "about": about})
    """


# Reacting: asked when a record's page is shown


@reacting(0.5, typed=True)
def record_panels(town: Town, actor: Actor, record: Record) -> Sequence[Panel]:  # type: ignore[empty-body]
    """Add panels to a record's page in the clerk's screens: at most ten, of at most 200 lines each, all plain text.

    :param town: The town, for reading other records.
    :param actor: Who looks; read other records as this actor.
    :param record: The record, as this actor may see it.
    :return: Panels, in order.

    For example::

        @hookimpl
        @for_types("pets.licence")
        def record_panels(town, actor, record):
            alike = town.records.find(actor, record.identity, {"colour": record["colour"]}, limit=5)
            rows = [PanelRow(each.title, each.identity, each.id) for each in alike.records if each.id != record.id]
            return [Panel("Of the same colour", rows, empty="No other.")]
    """


@reacting(0.5, typed=True)
def record_flags(town: Town, actor: Actor, record: Record) -> Sequence[Flag]:  # type: ignore[empty-body]
    """Add flags beside a record's title: what to know before picking up the phone. At most four are shown.

    :param town: The town, for reading other records.
    :param actor: Who looks; read other records as this actor.
    :param record: The record, as this actor may see it.
    :return: Flags, the most important first.

    For example::

        @hookimpl
        @for_types("pets.licence")
        def record_flags(record):
            return [Flag("Bites", tone="bad")] if record["name"] == "Rex" else []
    """


@reacting(0.5, typed=True)
def public_panels(town: Town, actor: Actor, record: Record) -> Sequence[Panel]:  # type: ignore[empty-body]
    """Add panels to the page on which a citizen sees how their request stands. Only what they may read belongs there.

    :param town: The town, for reading other records.
    :param actor: The citizen with their link.
    :param record: Their request, as they may see it.
    :return: Panels, in order; their lines lead nowhere.

    For example::

        @hookimpl
        @for_types("pets.licence")
        def public_panels(record):
            return [Panel("The tag", note="Fetch it at the counter once the licence is granted.")]
    """


# Reacting: asked when a page shows what there is to do


@reacting(0.5)
def home_cards(town: Town, actor: Actor) -> Sequence[Panel]:  # type: ignore[empty-body]
    """Add cards to "My work": what this person should not forget today.

    :param town: The town, for reading records.
    :param actor: Who looks; read records as this actor.
    :return: Panels, in order; one without lines, facts and note is left out.

    For example::

        @hookimpl
        def home_cards(town, actor):
            if not town.records.may(actor, "view", "pets.licence"):
                return []
            old = town.records.find(actor, "pets.licence", {"age": {"gt": 15}}, limit=5)
            return [Panel("Very old pets", [PanelRow(each.title, each.identity, each.id) for each in old.records])]
    """


@reacting(0.5)
def calendar_entries(  # type: ignore[empty-body]
    town: Town, actor: Actor, start: datetime, end: datetime
) -> Sequence[Deadline]:
    """Add days to the calendar that are no records of their own. Types with ``[type.event]`` stand there by themselves.

    :param town: The town, for reading records.
    :param actor: Who looks; read records as this actor.
    :param start: Where the calendar begins.
    :param end: Where it ends; this moment is outside.
    :return: Deadlines in any order; others than these days are left out, and so are those whose record the actor may
        not see.

    For example::

        @hookimpl
        def calendar_entries(town, actor, start, end):
            if not town.records.may(actor, "view", "pets.licence"):
                return []
            where = {"ends": {"gte": start.date().isoformat(), "lte": end.date().isoformat()}}
            found = town.records.find(actor, "pets.licence", where, fields=["ends"])
            return [Deadline(f"{each.title} ends", each["ends"], each.identity, each.id) for each in found.records]
    """


@reacting(0.5)
def public_notices(town: Town) -> Sequence[Notice]:  # type: ignore[empty-body]
    """Put lines on top of the public home page: what residents should know now. At most three.

    :param town: The town, for reading records; read them as :data:`townhall.ANONYMOUS`.
    :return: Notices, the most important first.

    For example::

        @hookimpl
        def public_notices(town):
            return [Notice("Dogs on a lead in Weir Park", "From April to July.", path="/services")]
    """


# Reacting: asked when somebody looks after the town


@reacting(5.0)
def health_checks(town: Town) -> Sequence[Finding]:  # type: ignore[empty-body]
    """Look at how the plugin is set up, for ``townhall doctor``.

    :param town: The town, for reading records.
    :return: Findings, good ones too; a bad one says what to do.

    For example::

        @hookimpl
        def health_checks(town):
            open_ones = town.records.count(system(), "pets.licence", {"state": "new"}).value
            return [Finding("pet licences", open_ones < 100, f"{open_ones} wait to be granted.")]
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

    For example::

        @hookimpl
        def admin_views(town):
            from flask_admin import BaseView
            from flask_admin import expose

            class Colours(BaseView):
                @expose("/")
                def index(self):
                    return "Brown, black and white."

                def is_accessible(self):
                    return True

            return [Colours(name="Colours", endpoint="pets_colours", url="/admin/pets_colours")]
    """


# Reacting: asked when a demo town is made


@reacting(120.0, writes=True)
def demo_records(town: Town, demo: Demo) -> None:
    """Make records for the demo town, through ``town.records``.

    :param town: The demo town.
    :param demo: Its contacts, staff and dates, and the one source of chance, so that the demo is always the same.

    For example::

        @hookimpl
        def demo_records(town, demo):
            for name in ("Rex", "Mia"):
                town.records.create(demo.as_staff(), "pets.licence", {"name": name})
    """


#: Every hook by name, and what is so for it.
KINDS: Mapping[str, HookKind] = {
    name: function.townhall_kind for name, function in list(globals().items()) if hasattr(function, "townhall_kind")
}
#: Hooks whose failure refuses the change. All others react.
DECIDING = frozenset(name for name, kind in KINDS.items() if kind.decides)
