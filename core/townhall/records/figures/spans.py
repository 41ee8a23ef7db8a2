"""Stretches of time, and what was read of some: what is known of two that follow one another is known of both."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic
from typing import TypeVar

#: From a moment until before another one, in microseconds.
Span = tuple[int, int]
#: The end of a span that has none.
LAST = 2**63 - 1

Part = TypeVar("Part")


class KnownSpans(Generic[Part]):
    """What was read of spans of several kinds."""

    def __init__(self) -> None:
        self._parts: dict[tuple[Hashable, Span], Part] = {}
        self._ends: dict[tuple[Hashable, int], int] = {}

    def keep(self, kind: Hashable, span: Span, part: Part) -> None:
        """Keep what was read of a span."""
        self._parts[kind, span] = part
        self._ends[kind, span[0]] = span[1]

    def parts(self, kind: Hashable, span: Span) -> list[Part] | None:
        """What is known of a span, or of those that it is made of, in their order; ``None`` if not of all of it."""
        if (kind, span) in self._parts:
            return [self._parts[kind, span]]
        begin, end = span
        found: list[Part] = []
        while begin < end and (kind, begin) in self._ends:
            following = self._ends[kind, begin]
            found.append(self._parts[kind, (begin, following)])
            begin = following
        return found if begin == end else None
