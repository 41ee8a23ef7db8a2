"""Which ids of history the chain of seals covers: sealing goes on from there, and verifying works it out anew."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

#: ``(first, last)``: ids without a gap between them.
Range = tuple[int, int]


@dataclass(slots=True)
class Coverage:
    """All ids from 1 up to ``end``, but for the ``gaps``: ids that nothing had yet when others above were sealed."""

    end: int = 0
    gaps: list[Range] = field(default_factory=list)

    def add(self, ranges: Sequence[Range]) -> int | None:
        """Cover the ids of one more seal, in order, which are in gaps or above the end.

        Where one of them is neither, that one is returned, and nothing is changed.
        """
        late = [each for each in ranges if each[0] <= self.end]
        if late:
            if strange := without(late, self.gaps):
                return strange[0][0]
            self.gaps = without(self.gaps, late)
        if new := ranges[len(late) :]:
            self.gaps += without([(self.end + 1, new[-1][1])], new)
            self.end = new[-1][1]
        return None

    def covers(self, id: int) -> bool:
        """Whether this id is in a seal."""
        return 0 < id <= self.end and not any(first <= id <= last for first, last in self.gaps)


def ranges_of(ids: Iterable[int]) -> list[Range]:
    """Ascending ids as ranges without gaps."""
    made: list[Range] = []
    for id in ids:
        if made and made[-1][1] == id - 1:
            made[-1] = (made[-1][0], id)
        else:
            made.append((id, id))
    return made


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Ranges in order, those that touch or overlap as one."""
    made: list[Range] = []
    for first, last in sorted(ranges):
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(last, made[-1][1]))
        else:
            made.append((first, last))
    return made


def without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """What is left of ranges when others are taken out of them."""
    left: list[Range] = []
    cuts = merged(taken)
    place = 0
    for low, high in merged(ranges):
        while place < len(cuts) and cuts[place][1] < low:
            place += 1
        at = place
        while at < len(cuts) and cuts[at][0] <= high:
            if low < cuts[at][0]:
                left.append((low, cuts[at][0] - 1))
            low = cuts[at][1] + 1
            at += 1
        if low <= high:
            left.append((low, high))
    return left
