"""Which regular expressions a schema may declare: those that can't be made to run for hours by what somebody types.

Python's matcher tries one way after the other. Where a text fits in very many ways, as ``aaaa…`` fits ``(a+)+``, a few
dozen letters keep it busy for ever. So a pattern is looked at once, when it is read: a repeat within a repeat must show
where each turn begins or ends, the ways of a choice that is repeated must begin differently, and few parts may be of
any length without something between them that tells them apart.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

#: Most letters that a text may have which has to match a pattern.
LONGEST_TEXT = 1000
#: Ways to fit that the matcher may have to try for a text of that length: two parts of any length, and a little more.
_MOST_WAYS = 4 * LONGEST_TEXT**2
#: Letters by which sets of letters are told apart.
_LETTERS = frozenset(map(chr, range(256))) | frozenset("ĀЖ中０٣\u2003\u2028")
_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
#: How the standard library takes a pattern apart. It has no public name, and has been there for as long as the matcher.
_parser: Any = importlib.import_module("re._parser")
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})

Item = tuple[str, Any]


class Unsafe(Exception):
    """A pattern could be made to run for too long; the message says what in it."""


def problem(pattern: str) -> str:
    """What is wrong with a pattern, as the end of a sentence; empty if nothing is."""
    try:
        parsed = _parser.parse(pattern)
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    try:
        ways = _Reading(bool(parsed.state.flags & re.IGNORECASE)).ways(_flat(parsed), repeated=False)
    except Unsafe as reason:
        return f"could be made to run for hours: {reason}"
    if ways > _MOST_WAYS:
        return "could be made to run for hours: too many parts of any length follow each other; put a sign between them"
    return ""


def _flat(items: Any) -> list[Item]:
    """The items of a sequence, those of groups among them."""
    found: list[Item] = []
    for operation, argument in items:
        name = str(operation)
        if name == "SUBPATTERN":
            found += _flat(argument[3])
        elif name == "ATOMIC_GROUP":
            found += _flat(argument)
        elif name != "AT":
            found.append((name, argument))
    return found


class _Reading:
    """Looks at one pattern."""

    def __init__(self, ignore_case: bool) -> None:
        self._ignore_case = ignore_case

    def ways(self, items: Sequence[Item], *, repeated: bool, after: Sequence[Item] = ()) -> int:
        """In how many ways a long text may fit, at most; ``after`` follows the items. Raises :class:`Unsafe`."""
        ways = 1
        for place, (name, argument) in enumerate(items):
            rest = [*items[place + 1 :], *after]
            if name in _REPEATS:
                ways *= self._ways_of_repeat(name, argument, rest, repeated=repeated)
            elif name == "BRANCH":
                ways *= self._ways_of_branch(argument[1], rest, repeated=repeated)
            elif name in {"ASSERT", "ASSERT_NOT"}:
                if repeated:
                    raise Unsafe("it looks ahead within a repeat")
                ways *= self.ways(_flat(argument[1]), repeated=False)
            elif name.startswith("GROUPREF"):
                raise Unsafe("it refers to a group")
        return ways

    def _ways_of_repeat(self, name: str, argument: Any, rest: Sequence[Item], *, repeated: bool) -> int:
        least, most, body = int(argument[0]), int(argument[1]), _flat(argument[2])
        inner = self.ways(body, repeated=repeated or most > 1, after=() if most > 1 else rest)
        if most > 1 and self._varies(body):
            self._require_marked_turns(body)
        if least == most or name == "POSSESSIVE_REPEAT":
            return inner
        if self._first(body)[1]:
            # It may be left out, or be there and be nothing: two ways to do the same.
            if repeated:
                raise Unsafe("in a repeat, something that may be left out may also be nothing")
            inner *= 2
        first, empty = self._first(rest)
        if ((rest and not empty) or (repeated and not rest)) and self._letters(body).isdisjoint(first):
            return inner
        if repeated:
            raise Unsafe("in a repeat, two parts after each other can take the same letters")
        return inner * min(most - least + 1, LONGEST_TEXT)

    def _ways_of_branch(self, branches: Sequence[Any], rest: Sequence[Item], *, repeated: bool) -> int:
        flat = [_flat(each) for each in branches]
        total = sum(self.ways(each, repeated=repeated, after=rest) for each in flat)
        if not repeated:
            return total
        starts = [self._first(each) for each in flat]
        if any(empty for _, empty in starts) or any(
            not one.isdisjoint(other) for place, (one, _) in enumerate(starts) for other, _ in starts[place + 1 :]
        ):
            raise Unsafe("two ways of a choice that is repeated begin alike")
        return 1

    def _require_marked_turns(self, body: Sequence[Item]) -> None:
        """Each turn of a repeat, if they differ in length, begins or ends with a letter that is nowhere else in it."""
        for mark, others in ((body[:1], body[1:]), (body[-1:], body[:-1])):
            letters = self._single(*mark[0])
            if letters is not None and others and letters.isdisjoint(self._letters(others)):
                return
        raise Unsafe("there is a repeat within a repeat, and nothing marks where a turn begins")

    def _varies(self, items: Sequence[Item]) -> bool:
        """Whether what the items match may be of different length."""
        for name, argument in items:
            if name in _REPEATS and (argument[0] != argument[1] or self._varies(_flat(argument[2]))):
                return True
            if name == "BRANCH":
                parts = [_flat(each) for each in argument[1]]
                if any(map(self._varies, parts)) or any(_width(one) != _width(other) for one, other in pairwise(parts)):
                    return True
        return False

    def _first(self, items: Sequence[Item]) -> tuple[frozenset[str], bool]:
        """The letters that can come first, and whether the items can match nothing."""
        found: frozenset[str] = frozenset()
        for name, argument in items:
            single = self._single(name, argument)
            if single is not None:
                return found | single, False
            if name in _REPEATS:
                inner, empty = self._first(_flat(argument[2]))
                found |= inner
                if argument[0] and not empty:
                    return found, False
            elif name == "BRANCH":
                starts = [self._first(_flat(each)) for each in argument[1]]
                found = found.union(*(inner for inner, _ in starts))
                if not any(empty for _, empty in starts):
                    return found, False
        return found, True

    def _letters(self, items: Sequence[Item]) -> frozenset[str]:
        """All letters that the items can match anywhere."""
        return frozenset().union(*(self._letters_of(name, argument) for name, argument in items))

    def _letters_of(self, name: str, argument: Any) -> frozenset[str]:
        single = self._single(name, argument)
        if single is not None:
            return single
        if name in _REPEATS:
            return self._letters(_flat(argument[2]))
        if name == "BRANCH":
            return frozenset().union(*(self._letters(_flat(each)) for each in argument[1]))
        return frozenset()

    def _single(self, name: str, argument: Any) -> frozenset[str] | None:
        """The letters of an item that matches exactly one; ``None`` for any other."""
        if name == "LITERAL":
            return self._folded({chr(argument)})
        if name == "NOT_LITERAL":
            return _LETTERS - self._folded({chr(argument)})
        if name == "ANY":
            return _LETTERS
        if name == "IN":
            letters = self._folded({letter for part in argument for letter in _letters_in(*part)})
            return _LETTERS - letters if str(argument[0][0]) == "NEGATE" else letters
        return None

    def _folded(self, letters: set[str]) -> frozenset[str]:
        if not self._ignore_case:
            return frozenset(letters)
        return frozenset(form for letter in letters for form in (letter, letter.lower(), letter.upper()))


def _letters_in(operation: Any, argument: Any) -> Iterator[str]:
    """The letters of one part of a set."""
    name = str(operation)
    if name == "LITERAL":
        yield chr(argument)
    elif name == "RANGE":
        low, high = argument
        yield from (letter for letter in _LETTERS if low <= ord(letter) <= high)
        yield from (chr(low), chr(high))
    elif name == "CATEGORY":
        kind = str(argument).removeprefix("CATEGORY_")
        found = re.compile(_CATEGORIES[kind.removeprefix("NOT_")])
        yield from (letter for letter in _LETTERS if bool(found.match(letter)) != kind.startswith("NOT_"))


def _width(items: Sequence[Item]) -> int:
    """How many letters items match that are all of one length."""
    return sum(int(argument[0]) * _width(_flat(argument[2])) if name in _REPEATS else 1 for name, argument in items)
