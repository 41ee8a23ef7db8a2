"""Calling the faces of a plugin's field type under the town's guard: :class:`Watch`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from threading import local
from typing import Any
from typing import TypeVar

from townhall.extend.guarding import Guard
from townhall.extend.hooks import Implementation
from townhall.hookspecs import HookKind

T = TypeVar("T")

#: What faces are to a guard: whether their failure refuses, and how many seconds one call may take.
READS = HookKind(decides=False, seconds=0.1)
WRITES = HookKind(decides=True, seconds=0.5)
#: Faces that write.
WRITING = frozenset({"parse", "extract", "revise", "to_columns", "to_json", "json_text"})


def told(name: str) -> tuple[bool, float]:
    """Of a face, as its breaker names it: whether it writes, and how many seconds it may take."""
    kind = WRITES if name.rpartition(".")[2] in WRITING else READS
    return kind.decides, kind.seconds


class Watch:
    """Calls the faces of one field type under guard. A face that another face calls is part of that call.

    The guard is the town's, which may be gone while a schema is still kept somewhere.
    """

    def __init__(self, plugin: str, type_name: str, guard: Guard | None) -> None:
        self._plugin = plugin
        self._type_name = type_name
        self._guard = weakref.ref(guard) if guard is not None else lambda: None
        self._thread = local()
        self._known: dict[str, Implementation] = {}

    def react(self, face: str, call: Callable[[], Any], accept: Callable[[Any], T], otherwise: Callable[[], T]) -> T:
        """The answer of a face that reads, or something else."""
        guard = self._outermost()
        if guard is None:
            answer: T = call()
            return answer
        self._thread.inside = True
        try:
            reaction = guard.react(self._implementation(face), accept, {"call": call})
        finally:
            self._thread.inside = False
        return otherwise() if reaction.problem else reaction.value  # type: ignore[return-value]  # it answered

    def decide(self, face: str, call: Callable[[], Any], accept: Callable[[Any], T]) -> T:
        """The answer of a face that writes. Raises :class:`~townhall.errors.Rejected`."""
        guard = self._outermost()
        if guard is None:
            answer: T = call()
            return answer
        self._thread.inside = True
        try:
            return guard.decide(self._implementation(face), accept, {"call": call})
        finally:
            self._thread.inside = False

    @property
    def writes(self) -> bool:
        """Whether a record is being written."""
        guard = self._guard()
        return guard is not None and guard.writes

    @property
    def idle(self) -> bool:
        """Whether nothing is guarded: while a plugin starts, and inside another face."""
        return self._outermost() is None

    def _outermost(self) -> Guard | None:
        """The guard, for a call that is not part of another one."""
        return None if getattr(self._thread, "inside", False) else self._guard()

    def _implementation(self, face: str) -> Implementation:
        known = self._known.get(face)
        if known is None:
            kind = WRITES if face in WRITING else READS
            name = f"{self._type_name}.{face}"
            known = Implementation(self._plugin, name, _call, ("call",), kind=kind, stage="field")
            self._known[face] = known
        return known


def _call(call: Callable[[], Any]) -> Any:
    return call()
