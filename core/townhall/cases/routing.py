"""Where a case goes when it comes in, the same through every door: web, phone log, import, command line.

Who decides, in this order: whoever gives the case a person or a queue; a plugin (hook ``route_case``); the town's own
rules (``core.route``), of which the first that fits counts; the fields that the type names (``queue`` and ``assignee``
of its ``[workflow]``, such as the category's); the queue for such cases. The first that names a queue or a person
decides about both; the queue for such cases is there for what still has none. A priority comes from the first that says
one.

A case comes in when it is made, or when it leaves a draft; one that comes closed waits for nobody and is left alone.
What was decided, and why, is kept in ``case_route`` and shown on the case.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.cases import routes
from townhall.cases.routes import Route
from townhall.cases.rulebook import QUEUE_GONE
from townhall.cases.rulebook import ROUTE
from townhall.cases.rulebook import Rulebook
from townhall.cases.rulebook import Ward
from townhall.cases.rulebook import rulebook
from townhall.errors import ValidationFailed
from townhall.extend.values import Assignment
from townhall.extend.values import Change
from townhall.records import colleagues
from townhall.records import onward
from townhall.records import parsing
from townhall.records import preparing
from townhall.records.domains import ACKNOWLEDGEMENT
from townhall.records.domains import Domain
from townhall.records.instants import to_microseconds
from townhall_forms.conditions import Condition
from townhall_forms.schema import RecordType
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter
from townhall_forms.values import Place

if TYPE_CHECKING:
    from townhall.context import TownContext
    from townhall.town import Town

_MEMO = "routing"
_ACTOR = system("routing")
_COLUMNS = (
    "identity",
    "record_id",
    "at",
    "transition",
    "decided_by",
    "route_id",
    "plugin",
    "reason",
    "queue_id",
    "assignee_id",
    "ward_id",
)


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a case goes, and who says so: ``person``, ``plugin``, ``route``, ``type``, ``default`` or ``nobody``.

    ``lost`` says that a queue or person that was named had to be left out; ``acknowledgement`` what whoever sent it is
    told instead of the usual words.
    """

    decided_by: str
    queue: int | None = None
    assignee: int | None = None
    priority: str = ""
    reason: str = ""
    route: int | None = None
    plugin: str = ""
    lost: bool = False
    acknowledgement: str = ""


class Ground:
    """What all cases of one write are routed by: the rules as they stand, and who works here."""

    def __init__(self, town: Town) -> None:
        self.book = rulebook(town)
        self._town = town
        self._asked: dict[tuple[int, str], Condition] = {}

    def asked(self, route: Route, record_type: RecordType) -> Condition | None:
        """What a rule asks of the fields; of a record that was merged, it asks about the one as which that goes on."""
        if route.condition is None:
            return None
        key = (route.id, record_type.identity)
        if key not in self._asked:
            self._asked[key] = onward.asked_onward(self._town, _ACTOR, record_type, route.condition)
        return self._asked[key]


def _ground(town: Town, context: TownContext) -> Ground:
    known: Ground | None = context.kept.get(_MEMO)
    if known is None:
        known = context.kept[_MEMO] = Ground(town)
    return known


def _context(town: Town, change: Change) -> TownContext:
    """The town as rules see it: that of the write, which remembers what it looked up for the rows before."""
    known: TownContext | None = change.memo.get(preparing.RULES)
    return known if known is not None else parsing.rules_context(town, change.actor)


class Subject:
    """A case that comes in, as rules look at it; what several of them ask is worked out once."""

    def __init__(self, town: Town, change: Change, record_type: RecordType) -> None:
        self.town = town
        self.type = record_type
        self.change = change
        self.context = _context(town, change)
        self.ground = _ground(town, self.context)
        self.book = self.ground.book

    @cached_property
    def get(self) -> Any:
        """What conditions read."""
        return value_getter(self.type, self.change.values, self.context, standard=self.change.standard)

    @cached_property
    def words(self) -> str:
        """The words that people wrote."""
        return routes.words_of(self.type, self.change.values, self.context)

    @cached_property
    def wards(self) -> list[Ward]:
        """The wards that its place lies in."""
        field = routes.place_field(self.type) if self.book.wards else None
        place = self.change.values.get(field.name) if field is not None else None
        return self.book.wards_at(float(place.longitude), float(place.latitude)) if isinstance(place, Place) else []

    @cached_property
    def at(self) -> datetime:
        """When it came in."""
        created = self.change.standard.get("created") if self.change.action == "create" else None
        return created if isinstance(created, datetime) else self.town.clock.now()

    @property
    def channel(self) -> str:
        """How it came in."""
        return self.change.values.get("channel") or self.change.standard.get("channel") or ""

    def fits(self, route: Route) -> bool:
        """Whether all parts of a rule hold."""
        if route.channels and self.channel not in route.channels:
            return False
        asked = self.ground.asked(route, self.type)
        if asked is not None and not asked.evaluate(self.get, environment_of(self.context)):
            return False
        if route.words is not None and route.words.search(self.words) is None:
            return False
        if route.wards and route.wards.isdisjoint(ward.id for ward in self.wards):
            return False
        if not route.times:
            return True
        local = self.at.astimezone(self.town.zone)
        return any(span.holds(local) for span in route.times)


def decide(town: Town, change: Change) -> tuple[Decision, Subject]:
    """Where the case of a change goes, and the case as rules saw it. Changes nothing."""
    subject = Subject(town, change, town.schemas[change.identity])
    book = subject.book
    given = Decision("person", change.standard.get("queue"), change.standard.get("assignee"))
    named = given.queue is not None or given.assignee is not None
    found = list(_levels(town, change, subject))
    ruled = _first(found)
    made = _completed(given, ruled) if named else ruled
    if made.queue is None and (default := book.default_queue(change.identity)) is not None:
        whose = replace(made, queue=default.id)
        made = whose if made.decided_by != "nobody" else replace(whose, decided_by="default")
    priority = next((each.priority for each in found if each.priority), "")
    told = next((each.acknowledgement for each in found if each.acknowledgement), "")
    if (priority, told) == (made.priority, made.acknowledgement):
        return made, subject
    return replace(made, priority=priority, acknowledgement=told), subject


def plugin_choice(town: Town, change: Change) -> tuple[str, Assignment] | None:
    """The plugin that says where a case goes, and what it says; ``None`` if none does.

    Raises :class:`~townhall.errors.Rejected` if one refuses the case or fails.
    """
    if not town.plugins.has("route_case", change.identity):
        return None
    return town.plugins.route_case(change)


def _completed(given: Decision, ruled: Decision) -> Decision:
    """What a person gave; the queue of whom they gave it to comes from the rules if they named none."""
    return replace(given, queue=ruled.queue) if given.queue is None else given


def _first(found: Sequence[Decision]) -> Decision:
    """The first that says where the case goes. A rule that hit before counts as who decided, though it says nothing of
    that, and so does what named only somebody who can't have it or a queue out of use.
    """
    placing = next((each for each in found if each.queue is not None or each.assignee is not None), None)
    for each in found:
        if each is placing or each.decided_by == "route" or each.lost:
            return each if placing is None else replace(each, queue=placing.queue, assignee=placing.assignee)
    return Decision("nobody")


def _levels(town: Town, change: Change, subject: Subject) -> Iterator[Decision]:
    """What plugins, the rules and the type say, in this order, without queues out of use and who can't have it."""
    chosen = plugin_choice(town, change)
    if chosen is not None:
        plugin, said = chosen
        made = Decision("plugin", said.queue, said.assignee, said.priority, said.reason, plugin=plugin)
        yield _present(subject, made)
    for route in subject.book.routes_for(change.identity):
        if subject.fits(route):
            told = route.acknowledgement
            ruled = Decision("route", route.queue, route.person, route.priority, route=route.id, acknowledgement=told)
            yield _present(subject, ruled)
            break
    workflow = subject.type.workflow
    if workflow is not None and (workflow.queue or workflow.assignee):
        queue = subject.get(workflow.queue) if workflow.queue else None
        assignee = subject.get(workflow.assignee) if workflow.assignee else None
        yield _present(subject, Decision("type", queue, assignee))


def _present(subject: Subject, decision: Decision) -> Decision:
    """The decision without a queue that is out of use, and a person who left or may not work on it, saying so."""
    queues = subject.book.queues
    notes = [decision.reason] if decision.reason else []
    queue, assignee = decision.queue, decision.assignee
    if queue is not None and (queue not in queues or not queues[queue].active):
        notes.append("The queue that it names is not in use.")
        queue = None
    if assignee is not None and (why := colleagues.in_vain(subject.context.colleagues(), assignee, subject.type)):
        notes.append(why)
        assignee = None
    if (queue, assignee) == (decision.queue, decision.assignee):
        return decision
    return replace(
        decision, queue=queue, assignee=assignee, reason=" ".join(notes), lost=len(notes) > bool(decision.reason)
    )


# -- the part in writes ---------------------------------------------------------------------------------------------


def _comes_in(town: Town, change: Change) -> bool:
    """Whether the change brings a case in: it is made, or sent after it was a draft, and somebody has to see to it."""
    workflow = town.schemas[change.identity].workflow
    state = workflow.states.get(change.state) if workflow is not None else None
    if workflow is None or state is None or state.final or state.incomplete:
        return False
    if change.action == "create":
        return True
    old = workflow.states.get(change.old_state)
    return change.action == "transition" and old is not None and old.incomplete


def _before_save(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Check the queue that somebody chose, and route a case that comes in."""
    queue = change.standard.get("queue")
    if queue is not None and queue != change.standard_before.get("queue"):
        _check_queue(_ground(town, _context(town, change)).book, queue)
    if not _comes_in(town, change):
        return None
    decision, subject = decide(town, change)
    if passed_over := change.memo.get(colleagues.PASSED_OVER):
        said = f"A module chose somebody for it in vain. {passed_over}"
        decision = replace(decision, reason=f"{said} {decision.reason}".strip())
    record_type = town.schemas[change.identity]
    values: dict[str, Any] = {"queue": decision.queue, "assignee": decision.assignee}
    priority = routes.priority_of(record_type, decision.priority) if decision.priority else ""
    if priority and change.values.get("priority") in (None, record_type.fields["priority"].default):
        values["priority"] = priority
    change.memo[_MEMO] = (decision, subject.wards[0].id if subject.wards else None, subject.at)
    if decision.acknowledgement:
        change.memo[ACKNOWLEDGEMENT] = decision.acknowledgement
    present = {**change.values, **change.standard}
    return {name: value for name, value in values.items() if value is not None and value != present.get(name)}


def _check_queue(book: Rulebook, id: int) -> None:
    found = book.queues.get(id)
    if found is None:
        raise ValidationFailed({"queue": QUEUE_GONE})
    if not found.active:
        raise ValidationFailed({"queue": f"The queue “{found.name}” is not in use any more. Choose another one."})


def _written(town: Town, changes: Sequence[Change]) -> None:
    """Keep where each case went and why."""
    rows = []
    for change in changes:
        kept = change.memo.get(_MEMO)
        if kept is None:
            continue
        decision, ward, at = kept
        went = change.standard.get("queue"), change.standard.get("assignee")
        where = (change.identity, change.id, to_microseconds(at), change.transition)
        why = (decision.decided_by, decision.route, decision.plugin, decision.reason)
        rows.append((*where, *why, *went, ward))
    if rows:
        town.database.insert_rows("case_route", _COLUMNS, rows)


def _check_route(town: Town, change: Change) -> Mapping[str, Any] | None:
    """A rule is saved only if everything that it names is there."""
    return routes.check(town, change) if change.action in ("create", "update", "restore") else None


#: A case that comes in is routed.
DOMAIN = Domain("routing", lambda record_type: record_type.is_case, _before_save, _written)
#: A rule that names what doesn't exist is refused.
ROUTES = Domain("routes", lambda record_type: record_type.identity == ROUTE, _check_route)
