"""No path through any door leads to an undeclared state: random walks over every type of case that is shipped.

The walks are seeded, so that a failure can be repeated. At each step somebody tries some move, a possible one or
another; what must be refused is refused and changes nothing, in records, in the clerk's screens and in imports.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field

import pytest
from staff_client import add_person

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.access.policy import may_transition
from townhall.access.roles import ROLES
from townhall.errors import TownhallError
from townhall.records.types import Record
from townhall.testing.clients import StaffClient
from townhall.testing.clients import staff_client
from townhall.testing.samples import Sampler
from townhall.town import Town
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition
from townhall_forms.schema import Workflow

PLUGINS = ("complaints", "economic_development", "grants", "recruitment")
STEPS = 40
CLERK = Actor("staff", "Erin Clerk", None, ROLES["clerk"].permissions, door="admin")
VIEWER = Actor("staff", "Vic Viewer", None, ROLES["viewer"].permissions, door="admin")


@dataclass
class Walk:
    """One case on its way, and the moves that it has made."""

    town: Town
    type: RecordType
    sampler: Sampler
    chance: random.Random
    record: Record
    made: list[str] = field(default_factory=list)

    @property
    def workflow(self) -> Workflow:
        """The states and moves of its type."""
        assert self.type.workflow is not None
        return self.type.workflow

    def now(self) -> Record:
        """The case as it stands."""
        return self.town.records.get(system(), self.type.identity, self.record.id)

    def actors(self) -> tuple[Actor, ...]:
        """Everybody who may try something."""
        theirs = citizen(frozenset({(self.type.identity, self.record.id)}))
        return (CLERK, CLERK, system(), theirs, citizen(frozenset()), VIEWER)

    def step(self) -> None:
        """Somebody tries some move: mostly one that leaves the present state, often any other."""
        before = self.now()
        leaving = self.workflow.leaving(before.state)
        moves = leaving if leaving and self.chance.random() < 0.7 else self.workflow.transitions
        move, actor = self.chance.choice(moves), self.chance.choice(self.actors())
        possible = before.state in move.sources and may_transition(actor, self.type, move, before.id)
        try:
            self.town.records.transition(
                actor, self.type.identity, before.id, move.name, self.asked(move), version=before.version
            )
        except TownhallError:
            assert self.now().state == before.state
            assert self.now().version == before.version
            return
        assert possible, f"{actor.kind} made {move.name} from {before.state}"
        assert self.now().state == move.target
        self.made.append(move.name)

    def asked(self, move: Transition) -> dict[str, object]:
        """Something for each field that a move asks for."""
        values = self.sampler.values(self.type.identity, full=True)
        return {name: values[name] for name in (*move.require, *move.asks) if name in values}


def cases(town: Town) -> list[RecordType]:
    """Every type of case."""
    return [type_ for type_ in town.schemas.values() if type_.is_case]


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A town with everything that is shipped, and somebody who works there."""
    town = make_town(*PLUGINS)
    add_person(town, "erin@milbrook.example", "administrator")
    return town


def walks(town: Town) -> list[Walk]:
    """A case of each type at its beginning."""
    sampler = Sampler(town)
    return [
        Walk(town, type_, sampler, random.Random(type_.identity), sampler.record(type_.identity, full=True))
        for type_ in cases(town)
    ]


@pytest.mark.long
def test_records_let_no_case_leave_its_workflow(town: Town) -> None:
    """Whoever tries whatever: a case moves only as declared, and each move is one row of the log."""
    far = []
    for walk in walks(town):
        assert walk.record.state in walk.workflow.states
        for _ in range(STEPS):
            walk.step()
            assert walk.now().state in walk.workflow.states
        check_log(walk)
        far.append(len(walk.made))
    assert len(far) >= 15
    assert min(far) >= 1
    assert sum(far) >= 5 * len(far)


def check_log(walk: Walk) -> None:
    """The log leads from the first state to the present one, over declared moves, one row for each."""
    table = walk.town.system.case_transition
    mine = (table.identity == walk.type.identity) & (table.record_id == walk.record.id)
    rows = list(table.select(table.name, table.source, table.target).where(mine).order_by(table.id).tuples())
    assert [name for name, _, _ in rows] == ["", *walk.made]
    states = [rows[0][2]]
    for name, source, target in rows[1:]:
        move = walk.workflow.transition(name)
        assert move is not None
        assert (source in move.sources, target, source) == (True, move.target, states[-1])
        states.append(target)
    assert states[-1] == walk.now().state


def test_no_door_sets_a_state_directly(town: Town) -> None:
    """Neither changing nor making a record, nor importing one, brings a case into a state that isn't declared."""
    sampler = Sampler(town)
    for type_ in cases(town):
        assert type_.workflow is not None
        record = sampler.record(type_.identity)
        other = next(name for name in type_.workflow.states if name != record.state)
        for state in ("nowhere", "", other):
            for actor in (CLERK, system()):
                with pytest.raises(TownhallError):
                    town.records.update(actor, type_.identity, record.id, {"state": state}, version=record.version)
            for move in type_.workflow.leaving(record.state):
                with pytest.raises(TownhallError):
                    town.records.transition(
                        system(), type_.identity, record.id, move.name, {"state": state}, version=record.version
                    )
            values = {**sampler.values(type_.identity), "state": state or "nowhere"}
            with pytest.raises(TownhallError):
                town.records.create(CLERK, type_.identity, values)
        rows = [{**sampler.values(type_.identity), "state": "nowhere"}]
        (outcome,) = town.records.import_rows(system("import"), type_.identity, rows)
        assert outcome.id is None
        assert "state" in outcome.errors, (type_.identity, outcome.errors)
        assert town.records.get(system(), type_.identity, record.id).state == record.state


@pytest.mark.long
def test_the_clerks_screens_make_no_other_moves(town: Town) -> None:
    """Of all moves of all types, the page of a record offers and makes only those that leave its state."""
    clerk: StaffClient = staff_client(town, "clerk")
    for walk in walks(town):
        before = walk.now()
        page = clerk.get(f"/admin/{walk.type.plugin}/{walk.type.name}/{before.id}/").text
        for move in walk.workflow.transitions:
            url = f"/admin/{walk.type.plugin}/{walk.type.name}/{before.id}/move/{move.name}"
            if before.state in move.sources and "staff" in move.by:
                continue
            assert f'{url}"' not in page
            clerk.post(url, {"version": before.version})
            assert walk.now().state == before.state
        assert clerk.post(f"/admin/{walk.type.plugin}/{walk.type.name}/{before.id}/move/nowhere", {}).status_code == 404
